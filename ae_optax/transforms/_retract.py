"""Retraction: units whose weights stay on a sphere or in a ball."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar
from ae_optax.transforms._unit_vectors import directions


@transformation
def retract_to_sphere(*, axis: int, radius: Scalar = 1.0) -> optax.GradientTransformation:
    r"""Give the weights of every unit a fixed length after the step.

    Put last. For each unit, with weights :math:`w` and the update :math:`u` that comes in,

    .. math::

        w' = r\, \frac{w + u}{\lVert w + u \rVert}

    and what is emitted is :math:`w' - w`, so that ``optax.apply_updates`` arrives at :math:`w'`, to
    the rounding of the longer of :math:`w` and :math:`w'` in the parameters' dtype. A unit that
    would arrive at zero, which has no direction, stays where it is.

    Of a leaf with two axes or more each index along ``axis`` is one unit; leaves with fewer,
    biases, pass unchanged.

    Args:
        axis: The axis that counts the units. The kernel of a Flax decoder, (latents, inputs), has
            one dictionary vector for each index along the first: 0. PyTorch's has them along the
            last: -1.
        radius: :math:`r > 0`, in units of the parameters.

    Returns:
        A stateless transformation that computes in at least float32 and keeps structure, shapes
        and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``radius`` is not positive; in ``update``, if ``params`` is missing or a leaf
            has no such axis.
        TypeError: If ``axis`` is no integer or ``radius`` no number.

    References:
        Bricken et al., `Towards Monosemanticity: Decomposing Language Models With Dictionary
        Learning <https://transformer-circuits.pub/2023/monosemantic-features/index.html>`_,
        Transformer Circuits Thread, 2023.
        Gao et al., `Scaling and evaluating sparse autoencoders
        <https://arxiv.org/abs/2406.04093>`_, 2024.
    """
    check_integer("axis", axis)
    check_positive("radius", radius)
    return leafwise(_to_sphere, reads_params=True, axis=axis, radius=radius)


@transformation
def retract_to_ball(*, axis: int, radius: Scalar = 1.0) -> optax.GradientTransformation:
    r"""Shorten the weights of every unit that would be too long after the step.

    Put last. For each unit, with weights :math:`w` and the update :math:`u` that comes in,

    .. math::

        w' = (w + u) \cdot \min\left(1, \frac{r}{\lVert w + u \rVert}\right)

    and what is emitted is :math:`w' - w`: :math:`u` itself where the unit stays inside. This is the
    projection onto the ball, the constraint known as max-norm.

    Of a leaf with two axes or more each index along ``axis`` is one unit; leaves with fewer,
    biases, pass unchanged.

    Args:
        axis: The axis that counts the units. The kernel of a Flax decoder, (latents, inputs), has
            one dictionary vector for each index along the first: 0. PyTorch's has them along the
            last: -1.
        radius: :math:`r > 0`, in units of the parameters.

    Returns:
        A stateless transformation that computes in at least float32 and keeps structure, shapes
        and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``radius`` is not positive; in ``update``, if ``params`` is missing or a leaf
            has no such axis.
        TypeError: If ``axis`` is no integer or ``radius`` no number.

    References:
        Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, `Dropout: A Simple Way to
        Prevent Neural Networks from Overfitting
        <https://jmlr.org/papers/v15/srivastava14a.html>`_, section 5.1, JMLR 15, 2014.
    """
    check_integer("axis", axis)
    check_positive("radius", radius)
    return leafwise(_to_ball, reads_params=True, axis=axis, radius=radius)


def _to_sphere(u, p, *, axis, radius):
    if u.ndim < 2:
        return u
    direction, length = directions(p + u, axis)
    return _towards(jnp.where(length == 0, p, radius * direction), u, p)


def _to_ball(u, p, *, axis, radius):
    if u.ndim < 2:
        return u
    direction, length = directions(p + u, axis)
    return _towards(jnp.where(length > scalar(radius, length), radius * direction, p + u), u, p)


def _towards(wanted, u, p):
    # Where nothing changes, the difference would be the update, but rounded once more.
    return jnp.where(wanted == p + u, u, wanted - p)
