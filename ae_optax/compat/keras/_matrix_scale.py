"""Scales of whole matrices: what Keras's Muon does before and after its iteration."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._numbers import norm, scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates
from ae_optax._types import Scalar


@transformation
def divide_by_norm(*, eps: Scalar) -> optax.GradientTransformation:
    r"""Divide every leaf by its norm: :math:`u = g / (\lVert g \rVert + \epsilon)`.

    Args:
        eps: :math:`\epsilon > 0`, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``eps`` is not positive.
        TypeError: If ``eps`` is not a number.
    """
    check_positive("eps", eps)

    def divide(g):
        # Of finite numbers: the quotient of two overflows would be NaN.
        largest = jnp.finfo(widen(g).dtype).max
        wide = jnp.clip(widen(g), -largest, largest)
        size = norm(wide)
        return wide / (size + scalar(eps, size)).astype(wide.dtype)

    return _stateless(divide)


@transformation
def scale_by_longest_side(factor: Scalar) -> optax.GradientTransformation:
    r"""Multiply every leaf by the root of its longest side: :math:`u = r \sqrt{\max(A, B)}\, g`.

    An orthogonal matrix then has a root mean square of about :math:`r`.

    Args:
        factor: :math:`r \ge 0`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``factor`` is negative.
        TypeError: If ``factor`` is not a number.
    """
    check_non_negative("factor", factor)

    def rescale(g):
        wide = widen(g)
        return wide * max(g.shape) ** 0.5 * scalar(factor, wide)

    return _stateless(rescale)


def _stateless(function):
    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        del params
        return cast_like(map_updates(function, updates), updates), state

    return optax.GradientTransformation(init, update)
