"""Compensated addition: what rounding takes from a short parameter is added the next time."""

from typing import NamedTuple

import jax
import optax

from ae_optax._checks import check_params_given
from ae_optax._numbers import storage_dtype, zeros_like
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, is_none, map_updates, stepped
from ae_optax._types import StorageDType
from ae_optax.transforms._rounding import is_narrow, round_nearest


class CompensateUpdatesState(NamedTuple):
    """What :func:`compensate_updates` remembers between steps.

    Attributes:
        compensation: What each parameter lacks. Structure and shapes of the parameters and in
            their units; ``optax.MaskedNode()``, nothing, for those of float32 and longer.
    """

    compensation: optax.Params


@transformation
def compensate_updates(*, dtype: StorageDType = None) -> optax.GradientTransformation:
    r"""Remember what rounding takes from each parameter, and add it at the next step.

    Put last. For a parameter :math:`\theta` of float16 or bfloat16, from :math:`c_0 = 0`,

    .. math::

        s_t &= \theta_{t-1} + c_{t-1} + u_t \\
        \theta_t &= \mathrm{round}(s_t) \\
        c_t &= s_t - \theta_t

    and what is emitted is :math:`\theta_t - \theta_{t-1}`. The sum :math:`\theta + c` follows the
    path that the parameter would take in float32, so updates far below the spacing of
    :math:`\theta` add up until they move it: it is never more than about half a spacing away
    (a whole one after a step larger than :math:`\theta` itself).

    Parameters of float32 and float64 pass unchanged and keep no state.

    Args:
        dtype: How :math:`c` is stored: a dtype, ``"params"`` for the parameter's own, which
            doubles its digits, or ``None`` for float32.

    Returns:
        A transformation that computes in at least float32 and keeps structure, shapes and dtypes
        of its updates; it needs ``params``.

    Raises:
        ValueError: In ``update``, if ``params`` is missing.
        TypeError: In ``update``, if a leaf is not of floating or complex numbers.

    References:
        Kahan, `Further remarks on reducing truncation errors
        <https://doi.org/10.1145/363707.363723>`_, Communications of the ACM 8(1), 1965.
        Zamirai, Zhang, Aberger and De Sa, `Revisiting BFloat16 Training
        <https://arxiv.org/abs/2010.06192>`_, 2020.
    """

    def init(params):
        def start(p):
            narrow = is_narrow(storage_dtype(p))
            return zeros_like(p, dtype) if narrow else optax.MaskedNode()

        return CompensateUpdatesState(jax.tree.map(start, params))

    def update(updates, state, params=None):
        check_params_given(params)
        goals = stepped(updates, params)

        def both(u, p, wanted, c):
            if u is None or isinstance(c, optax.MaskedNode):
                return u, c
            wanted = wanted + c.astype(wanted.dtype)
            old = p.astype(wanted.dtype)
            # Rounded as `cast_like` and `apply_updates` will, which may differ from the nearest.
            out = round_nearest(round_nearest(wanted, p.dtype) - old, u.dtype)
            reached = round_nearest(old + out, p.dtype)
            return out, (wanted - reached).astype(c.dtype)

        arrays, own = map_updates(lambda u: u, updates), map_updates(_second, updates, params)
        trees = arrays, own, goals, state.compensation
        pairs = jax.tree.map(both, *trees, is_leaf=is_none)
        out = jax.tree.map(lambda _, pair: pair[0], updates, pairs, is_leaf=is_none)
        left = jax.tree.map(lambda _, pair: pair[1], updates, pairs, is_leaf=is_none)
        return cast_like(out, updates), CompensateUpdatesState(left)

    return optax.GradientTransformation(init, update)


def _second(_, x):
    return x
