"""Clipping of updates that are too large: by value, by the norm of all, by each leaf's RMS."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive
from ae_optax._leafwise import leafwise, map_rule, times
from ae_optax._numbers import norm, scalar
from ae_optax._transformation import transformation
from ae_optax._trees import check_kinds
from ae_optax._types import Scalar
from ae_optax.transforms._global_norm import global_norm


@transformation
def clip(max_value: Scalar) -> optax.GradientTransformation:
    r"""Clip every coordinate to an interval: :math:`u = \max(-c, \min(g, c))`.

    A complex one longer than :math:`c` is shortened to it.

    Args:
        max_value: :math:`c > 0`, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``max_value`` is not positive.
        TypeError: If ``max_value`` is not a number.
    """
    check_positive("max_value", max_value)

    return leafwise(_clip, max_value=max_value)


def _clip(g, *, max_value):
    if jnp.iscomplexobj(g):
        return shortening(jnp.abs(g), max_value).astype(g.dtype) * g
    return jnp.clip(g, -max_value, max_value)


@transformation
def clip_by_global_norm(max_norm: Scalar) -> optax.GradientTransformation:
    r"""Shorten the whole update to a length, keeping its direction.

    .. math::

        u = g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)

    with the Euclidean norm over all leaves together, in at least float32.

    Args:
        max_norm: :math:`c > 0`, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``max_norm`` is not positive.
        TypeError: If ``max_norm`` is not a number.

    References:
        Pascanu, Mikolov and Bengio, `On the difficulty of training recurrent neural networks
        <https://arxiv.org/abs/1211.5063>`_, ICML 2013.
    """
    check_positive("max_norm", max_norm)

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        del params
        check_kinds("updates", updates)
        factor = shortening(global_norm(updates), max_norm)
        return map_rule(times, updates, factor=factor)[0], state

    return optax.GradientTransformation(init, update)


def shortening(length: jax.Array, max_norm: Scalar) -> jax.Array:
    """Return the factor that shortens what is longer than the bound to it."""
    bound = scalar(max_norm, length)
    one = jnp.ones_like(length)
    # A safe length where it is short: one of zero has a derivative that is no number.
    return jnp.where(length > bound, bound / jnp.where(length > bound, length, one), one)


@transformation
def clip_by_rms(max_rms: Scalar) -> optax.GradientTransformation:
    r"""Shorten every leaf to a root mean square: :math:`u = g / \max(1, \mathrm{RMS}(g) / d)`.

    Optax: ``clip_by_block_rms``.

    Args:
        max_rms: :math:`d > 0`, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``max_rms`` is not positive.
        TypeError: If ``max_rms`` is not a number.

    References:
        Shazeer and Stern, `Adafactor: Adaptive Learning Rates with Sublinear Memory Cost
        <https://arxiv.org/abs/1804.04235>`_, section 6, ICML 2018.
    """
    check_positive("max_rms", max_rms)

    return leafwise(_clip_by_rms, max_rms=max_rms)


def _clip_by_rms(g, *, max_rms):
    rms = norm(g) / max(g.size, 1) ** 0.5
    return g / jnp.maximum(1, rms / scalar(max_rms, rms)).astype(g.dtype)
