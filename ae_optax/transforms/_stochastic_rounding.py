"""Stochastic rounding: short parameters that move, on average, by what they are told."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax._checks import check_params_given, check_seed, shown
from ae_optax._numbers import increment
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates, stepped
from ae_optax.transforms._rounding import is_narrow, round_randomly


class StochasticRoundUpdatesState(NamedTuple):
    """What :func:`stochastic_round_updates` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        key: Data of the random key, as ``jax.random.key_data`` has it; constant.
    """

    count: jax.Array
    key: jax.Array


@transformation
def stochastic_round_updates(key: int | jax.Array) -> optax.GradientTransformation:
    r"""Round the parameters after the step up or down by chance, so that they are right on average.

    Put last. A parameter :math:`\theta` of float16 or bfloat16, once :math:`u` is added, is rounded
    to one of the two neighbours :math:`a \le \theta + u < b` that its dtype has:

    .. math::

        \theta' = \begin{cases}
            b & \text{with probability } (\theta + u - a) / (b - a) \\
            a & \text{otherwise}
        \end{cases}
        \qquad \mathrm{E}\,\theta' = \theta + u

    and what is emitted is :math:`\theta' - \theta`. Rounded to the nearest instead, a parameter
    never moves again once its updates are less than half its spacing: from 1, bfloat16 ignores
    every step below :math:`2^{-8}`. The price is noise of up to one spacing per step;
    :func:`~ae_optax.compensate_updates` pays with memory instead.

    ``optax.apply_updates`` then arrives at :math:`\theta'` exactly where :math:`|u| \le |\theta|/2`
    or :math:`\theta = 0`; a step that is larger than that is rounded once more, to within a
    spacing. Parameters of float32 and float64 pass unchanged.

    Args:
        key: A random key, or the seed of one, an integer in [0, 2³¹).

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params``.

    Raises:
        TypeError: If ``key`` is neither a random key nor an integer; in ``update``, if a leaf is
            not of floating or complex numbers.
        ValueError: If a seed lies elsewhere; in ``update``, if ``params`` is missing.

    References:
        Gupta, Agrawal, Gopalakrishnan and Narayanan, `Deep Learning with Limited Numerical
        Precision <https://arxiv.org/abs/1502.02551>`_, ICML 2015.
        Zamirai, Zhang, Aberger and De Sa, `Revisiting BFloat16 Training
        <https://arxiv.org/abs/2010.06192>`_, 2020.
    """
    key = _as_key(key)

    def init(params):
        del params
        return StochasticRoundUpdatesState(
            count=jnp.zeros([], jnp.int32), key=jnp.array(jax.random.key_data(key), copy=True)
        )

    def update(updates, state, params=None):
        check_params_given(params)
        base = jax.random.wrap_key_data(state.key, impl=jax.random.key_impl(key))
        step_key = jax.random.fold_in(base, state.count)
        number = itertools.count()  # Of the leaf: each has noise of its own.

        def rounded(u, p, wanted):
            if not is_narrow(p.dtype):
                return u
            leaf_key = jax.random.fold_in(step_key, next(number))
            noise = jax.random.uniform(leaf_key, wanted.shape, wanted.dtype)
            target = round_randomly(wanted, p.dtype, noise)
            return target - p.astype(target.dtype)

        out = map_updates(rounded, updates, params, stepped(updates, params))
        return cast_like(out, updates), StochasticRoundUpdatesState(
            increment(state.count), state.key
        )

    return optax.GradientTransformation(init, update)


def _as_key(key):
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        check_seed("key", key)
        return jax.random.key(int(key))
    if isinstance(key, jax.Array):
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ():
            return key
        if key.dtype == jnp.uint32 and key.shape == (2,):  # As `jax.random.PRNGKey` makes it.
            return jax.random.wrap_key_data(key)
    raise TypeError(f"`key` must be a random key or an integer, got {shown(key)}.")
