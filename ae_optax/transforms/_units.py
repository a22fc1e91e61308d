"""What looks at one unit of a layer at a time: adaptive clipping and centralisation."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import root, scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def adaptive_clip(
    max_ratio: Scalar = 0.01, *, eps: Scalar = 1e-3, axis: int = -1
) -> optax.GradientTransformation:
    r"""Shorten the gradient of every unit to a share of the length of its weights.

    For each unit, with weights :math:`w` and gradient :math:`g`, in Euclidean norms,

    .. math::

        u = g \cdot \min\left(1,\,
            \lambda\, \frac{\max(\lVert w \rVert, \epsilon)}{\lVert g \rVert}\right)

    Of a leaf with two axes or more, a kernel, each index along ``axis`` is one unit; a leaf with
    fewer, a bias, is one unit as a whole. Put first, on the gradients.

    Optax: ``adaptive_grad_clip``.

    Args:
        max_ratio: :math:`\lambda > 0`.
        eps: :math:`\epsilon > 0`, in units of the parameters, so that zeros can move.
        axis: The axis that counts the units: the last for kernels of Flax and Keras, (inputs,
            outputs) or (height, width, inputs, outputs); the first for PyTorch's.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``max_ratio`` or ``eps`` is not positive; in ``update``, if ``params`` is
            missing or a leaf has no such axis.
        TypeError: If ``max_ratio`` or ``eps`` is not a number or ``axis`` no integer.

    References:
        Brock, De, Smith and Simonyan, `High-Performance Large-Scale Image Recognition Without
        Normalization <https://arxiv.org/abs/2102.06171>`_, section 4, ICML 2021.
    """
    check_positive("max_ratio", max_ratio)
    check_positive("eps", eps)
    check_integer("axis", axis)

    return leafwise(_adaptive_clip, reads_params=True, max_ratio=max_ratio, eps=eps, axis=axis)


def _adaptive_clip(g, p, *, max_ratio, eps, axis):
    others = all_but(axis, g)
    length, weights = _norm(g, others), _norm(p, others)
    bound = scalar(max_ratio, weights) * jnp.maximum(weights, scalar(eps, weights))
    safe = jnp.where(length > bound, length, jnp.ones_like(length))
    factor = jnp.where(length > bound, bound / safe, jnp.ones_like(length))
    return jnp.broadcast_to(factor, g.shape).astype(g.dtype) * g


@transformation
def centralize(*, axis: int = -1) -> optax.GradientTransformation:
    r"""Take from the gradient of every unit its mean.

    For each unit, whose gradient :math:`g` has :math:`n` coordinates,

    .. math::

        u = g - \frac1n \sum_{i=1}^n g_i

    so that the sum of a unit's weights never changes. Of a leaf with two axes or more each index
    along ``axis`` is one unit; leaves with fewer, biases, pass unchanged. Put first, on the
    gradients. ``optax.centralize`` always counts units along the first axis, which in Flax is the
    inputs.

    Args:
        axis: The axis that counts the units: the last for kernels of Flax and Keras, (inputs,
            outputs) or (height, width, inputs, outputs); the first for PyTorch's.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: In ``update``, if a leaf has no such axis.
        TypeError: If ``axis`` is no integer.

    References:
        Yong, Huang, Hua and Zhang, `Gradient Centralization: A New Optimization Technique for
        Deep Neural Networks <https://arxiv.org/abs/2004.01461>`_, ECCV 2020.
    """
    check_integer("axis", axis)

    return leafwise(_centralize, axis=axis)


def _centralize(g, *, axis):
    if g.ndim < 2 or not g.size:
        return g
    return g - jnp.mean(g, all_but(axis, g), keepdims=True)


def _norm(x, axes):
    return root(jnp.sum(jnp.square(jnp.abs(x)), axes, keepdims=True))


def all_but(axis, x: jax.Array):
    """Return the axes along which the numbers of one unit lie."""
    if x.ndim < 2:
        return tuple(range(x.ndim))
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"`axis` must be an axis of every leaf, got {axis} for {x.shape}.")
    return tuple(i for i in range(x.ndim) if i != axis % x.ndim)
