"""The length of a whole matrix: steps that change it less, are a share of it, or go around."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative
from ae_optax._leafwise import leafwise
from ae_optax._numbers import root
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def brake_growth(outward: Scalar = 0.5) -> optax.GradientTransformation:
    r"""Shorten the part of a step of descent that would lengthen a matrix.

    Put before the learning rate, where :math:`u` is what will be subtracted. With the part along
    the weights, :math:`r = \frac{\langle W, u \rangle}{\lVert W \rVert^2}\, W`,

    .. math::

        u' = \begin{cases}
            u - (1 - c)\, r & \langle W, u \rangle < 0 \\
            u & \text{otherwise}
        \end{cases}

    Orthogonal steps lengthen a matrix by themselves, and the longer it is, the less they turn it.
    Of a leaf with more than two axes every matrix of the last two is treated alike; a leaf with
    fewer is one vector.

    Args:
        outward: :math:`c \ge 0`, what is left of it; 1 changes nothing.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``outward`` is negative; in ``update``, if ``params`` is missing.
        TypeError: If ``outward`` is not a number.

    References:
        Jordan et al., `modded-nanogpt <https://github.com/KellerJordan/modded-nanogpt>`_, track of
        optimizers, 2026.
    """
    check_non_negative("outward", outward)
    return leafwise(_brake_growth, reads_params=True, outward=outward)


def _brake_growth(u, w, *, outward):
    share = _share_along(u, w)
    return u - jnp.where(share < 0, (1 - outward) * share, 0).astype(u.dtype) * w


@transformation
def floor_norm(share: Scalar) -> optax.GradientTransformation:
    r"""Lengthen every matrix that is less than a share of its parameter.

    With Euclidean norms,

    .. math::

        u = g\, \max\left(1, c\, \frac{\lVert W \rVert}{\lVert g \rVert}\right)

    and :math:`u = 0` where :math:`g = 0`. Before a learning rate :math:`\eta` a step is then at
    least :math:`\eta\, c` of what it changes. Of a leaf with more than two axes every matrix of the
    last two is treated alike; a leaf with fewer is one vector.

    Args:
        share: :math:`c \ge 0`; 0 changes nothing.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``share`` is negative; in ``update``, if ``params`` is missing.
        TypeError: If ``share`` is not a number.

    References:
        Jordan et al., `modded-nanogpt <https://github.com/KellerJordan/modded-nanogpt>`_, track of
        optimizers, 2026.
    """
    check_non_negative("share", share)
    return leafwise(_floor_norm, reads_params=True, share=share)


def _floor_norm(g, w, *, share):
    factor = share * _norm(w) / _nonzero(_norm(g))
    return g * jnp.maximum(1, factor).astype(g.dtype)


@transformation
def retract_to_radial_length() -> optax.GradientTransformation:
    r"""Give a matrix the length that the part of the step along its weights leads to.

    Put last. With the step :math:`u` that comes in,

    .. math::

        W' = \frac{W + u}{\lVert W + u \rVert} \left( \lVert W \rVert +
            \frac{\langle W, u \rangle}{\lVert W \rVert} \right)

    and what is emitted is :math:`W' - W`: what turns a matrix does not lengthen it. A step that
    would lead to no positive length, and one from zero, is left as it is. Of a leaf with more than
    two axes every matrix of the last two is treated alike; a leaf with fewer is one vector.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: In ``update``, if ``params`` is missing.

    References:
        Jordan et al., `modded-nanogpt <https://github.com/KellerJordan/modded-nanogpt>`_, track of
        optimizers, 2026.
    """
    return leafwise(_retract_to_radial_length, reads_params=True)


def _retract_to_radial_length(u, w):
    return _to_length(u, w, _norm(w) * (1 + _share_along(u, w)))


@transformation
def retract_to_length() -> optax.GradientTransformation:
    r"""Give a matrix, after the step, the length that it had before.

    Put last. With the step :math:`u` that comes in,

    .. math::

        W' = \lVert W \rVert\, \frac{W + u}{\lVert W + u \rVert}

    and what is emitted is :math:`W' - W`. A step from zero, or to it, is left as it is. Of a leaf
    with more than two axes every matrix of the last two is treated alike; a leaf with fewer is one
    vector.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: In ``update``, if ``params`` is missing.

    References:
        Wen, Dang, Lyu, Ma and Liang, `Fantastic Pretraining Optimizers and Where to Find Them II:
        Hyperball Optimization <https://arxiv.org/abs/2606.16899>`_, 2026.
    """
    return leafwise(_retract_to_length, reads_params=True)


def _retract_to_length(u, w):
    return _to_length(u, w, _norm(w))


def share_of_length(u: jax.Array, w: jax.Array) -> jax.Array:
    """Return the update with the length of the weights, or as it is if those are zero."""
    return _ratio(_norm(w), _norm(u)).astype(u.dtype) * u


def _to_length(u, w, length):
    ratio = _ratio(length, _norm(w + u))
    # Where nothing changes, the difference would be the step, but rounded once more.
    return jnp.where(ratio == 1, u, ratio.astype(u.dtype) * (w + u) - w)


def _ratio(wanted, size):
    """Return what makes one length of another; 1 if either is not positive."""
    return jnp.where((wanted > 0) & (size > 0), wanted / _nonzero(size), 1)


def _share_along(u: jax.Array, w: jax.Array) -> jax.Array:
    r"""Return :math:`\langle W, u \rangle / \lVert W \rVert^2`, for :math:`W = 0` none."""
    return _product(w, u) / _nonzero(_product(w, w))


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    axes = (-2, -1) if a.ndim > 1 else tuple(range(a.ndim))
    return jnp.sum(jnp.real(jnp.conj(a) * b), axes, keepdims=True)


def _norm(x):
    return root(_product(x, x))


def _nonzero(x):
    return jnp.where(x > 0, x, jnp.ones_like(x))
