"""Preconditioning of every number together with the next one of its leaf."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import map_rule
from ae_optax._matrices import _tridiagonal as tridiagonal
from ae_optax._numbers import in_range, increment, one_minus_power, unhidden, widen
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, map_updates, zeros_for
from ae_optax._types import Scalar
from ae_optax.transforms._average import interpolate
from ae_optax.transforms._elementwise import identity
from ae_optax.transforms._parts import check_all_real


class PreconditionChainState(NamedTuple):
    """What :func:`precondition_chain` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        squares: Average square of every number; structure and shapes of the parameters.
        products: Average product of every number with the next one, 0 for the last; likewise.
        inner: State of the inner transformation.
    """

    count: jax.Array
    squares: Any
    products: Any
    inner: optax.OptState


@transformation
def precondition_chain(
    decay: Scalar,
    *,
    inner: optax.GradientTransformation | None = None,
    eps: Scalar = 1e-6,
    least: Scalar = 1e-16,
) -> optax.GradientTransformation:
    r"""Multiply with the inverse of the gradient's covariance, known only between neighbours.

    The numbers of a leaf are laid end to end, all of the first output (the last axis counts them),
    then of the second. Of their squares and of the products of neighbours, with averages from zero
    that are corrected by :math:`1 - \rho^t`, and :math:`e_0 = e_1`,

    .. math::

        a_i &= \mathrm{avg}\, g_i^2, \qquad e_i = \mathrm{avg}\, g_i g_{i+1} \\
        d_i &= a_i + \max(\epsilon c, \epsilon_0), \qquad c = \max_i\, (a_i + |e_{i-1}|)

    comes the tridiagonal matrix :math:`X` whose inverse has the diagonal :math:`d` and the
    off-diagonal :math:`e`, and of all that have, the largest determinant:

    .. math::

        u = X f(g), \qquad X = L\, \mathrm{diag}(1 / s)\, L^\top, \qquad
        L_{i+1, i} = -\frac{e_i}{d_{i+1}}, \qquad s_i = d_i - \frac{e_i^2}{d_{i+1}}

    Where :math:`s_i \le 0` the two neighbours are treated as strangers. The cost is that of a few
    passes over the numbers, whatever their shape. As :math:`X` is an inverse, not its root, the
    length of :math:`u` has the unit of an inverse gradient: :func:`graft` it.

    Args:
        decay: :math:`\rho \in [0, 1)`; the averages span about :math:`1 / (1 - \rho)` steps.
        inner: :math:`f`, what is made of the gradient before it is multiplied, ``average(b1)`` for
            instance; ``None``: nothing.
        eps: :math:`\epsilon > 0`, a share of the largest sum.
        least: :math:`\epsilon_0 > 0`, in units of the gradient squared.

    Returns:
        A transformation that computes in at least float32 and keeps structure, shapes and dtypes of
        its updates; it needs ``params`` if ``inner`` does.

    Raises:
        ValueError: If ``decay`` is outside [0, 1), or ``eps`` or ``least`` not positive.
        TypeError: If one of them is not a number, or ``inner`` no gradient transformation; in
            ``update``, if a leaf is complex.

    References:
        Devvrit et al., `A Computationally Efficient Sparsified Online Newton Method
        <https://arxiv.org/abs/2311.10085>`_, NeurIPS 2023.
    """
    check_in_unit_interval("decay", decay)
    check_positive("eps", eps)
    check_positive("least", least)
    inner = identity() if inner is None else inner
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return PreconditionChainState(
            jnp.zeros([], jnp.int32),
            zeros_for(params, None),
            zeros_for(params, None),
            inner.init(params),
        )

    def update(updates, state, params=None, **extra):
        check_all_real("updates", updates)
        count = increment(state.count)
        wide = map_updates(widen, updates)
        means, inner_state = inner.update(wide, state.inner, params, **extra)
        out, (squares, products) = map_rule(
            _precondition,
            wide,
            means,
            kept=[state.squares, state.products],
            scalars=functools.partial(_weight, decay, count),
            decay=decay,
            eps=eps,
            least=least,
        )
        state = PreconditionChainState(count, squares, products, inner_state)
        return cast_like(out, updates), state

    return optax.GradientTransformationExtraArgs(init, update)


def _weight(decay, count, like):
    return {"weight": one_minus_power(decay, count, like)}


def _precondition(g, mean, squares, products, *, weight, decay, eps, least):
    if not g.size:
        return g, (squares, products)
    flat, m = _laid(g), _laid(mean)
    ahead = jnp.concatenate([flat[1:], jnp.zeros_like(flat[:1])])
    d = interpolate(decay, _laid(squares), in_range(flat * flat))
    e = interpolate(decay, _laid(products), in_range(flat * ahead))
    diagonal, off = in_range(d / weight), in_range(e / weight)
    # As its authors have it: the first with its right neighbour, the others with their left one.
    sums = diagonal + jnp.abs(tridiagonal.shifted(off).at[0].set(off[0]))
    ridge = jnp.maximum(eps * in_range(jnp.max(sums)), least)
    u = tridiagonal.times(*tridiagonal.factors(in_range(diagonal + ridge), off), m)
    return unhidden(_folded(u, g), g), (_folded(d, g), _folded(e, g))


def _laid(x):
    """Return the numbers of the first output, then of the second."""
    return jnp.moveaxis(x, -1, 0).reshape(-1) if x.ndim else x.reshape(1)


def _folded(x, like):
    if not like.ndim:
        return x.reshape(())
    return jnp.moveaxis(x.reshape(like.shape[-1:] + like.shape[:-1]), 0, -1)
