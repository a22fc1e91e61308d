"""Quotient: one gradient, two branches, divided."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._leafwise import map_rule
from ae_optax._numbers import widen
from ae_optax._transformation import check_transformation, transformation


class QuotientState(NamedTuple):
    """What :func:`quotient` remembers between steps.

    Attributes:
        numerator: State of the numerator.
        denominator: State of the denominator.
    """

    numerator: optax.OptState
    denominator: optax.OptState


@transformation
def quotient(
    *,
    numerator: optax.GradientTransformation,
    denominator: optax.GradientTransformation,
) -> optax.GradientTransformation:
    r"""Feed the same gradient to two transformations and divide their results.

    .. math::

        u = \frac{n(g)}{d(g)}

    elementwise on each leaf. With :func:`~ae_optax.chain` this is the whole algebra of
    adaptive methods: Adam is a debiased average over a debiased root mean square,

    .. code-block:: python

        quotient(
            numerator=chain(average(b1), correct_bias(b1)),
            denominator=chain(square(), average(b2), correct_bias(b2), root(), add(eps)),
        )

    With the gradient itself above, :func:`~ae_optax.identity`, it is Adam without momentum: the
    numbers of ``adam(learning_rate, b1=0)``, and half its state.

    .. code-block:: python

        quotient(
            numerator=identity(),
            denominator=chain(square(), average(b2), correct_bias(b2), root(), add(eps)),
        )

    Both branches compute in at least float32, whatever the dtype of the gradient; compiled,
    they fuse, and the composition costs what a hand-written rule costs.

    Where only the denominator is infinite the quotient is zero: the square of a gradient above
    about 1.8e19 is no float32. An average of such squares never becomes finite again, and the
    coordinate stands still for good; :func:`~ae_optax.clip` first, if that can happen. Where both
    are infinite the quotient is no number, so a gradient that is itself infinite is not hidden.
    The averages of this library and their corrections are finite for finite gradients that the
    dtype of their state can hold; a numerator of your own should be so too, as one that overflows
    looks like an infinite gradient.

    Args:
        numerator: :math:`n`; a leaf of its result has the shape of the gradient's.
        denominator: :math:`d`; a leaf of its result has the shape of the gradient's or is a
            scalar. Keep it away from zero with :func:`~ae_optax.add`.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params`` if a branch does.

    Raises:
        ValueError: In ``update``, if a branch gives out a leaf of another shape: broadcasting
            would hide the mistake.
        TypeError: If a branch is no gradient transformation.
    """
    check_transformation("numerator", numerator)
    check_transformation("denominator", denominator)
    above = optax.with_extra_args_support(numerator)
    below = optax.with_extra_args_support(denominator)

    def init(params):
        return QuotientState(above.init(params), below.init(params))

    def update(updates, state, params=None, **extra):
        wide = jax.tree.map(widen, updates)
        top, above_state = above.update(wide, state.numerator, params, **extra)
        bottom, below_state = below.update(wide, state.denominator, params, **extra)
        bottom = jax.tree.map_with_path(_fitting, wide, top, bottom, is_leaf=lambda x: x is None)
        ratio, _ = map_rule(_divide, updates, top, bottom)
        return ratio, QuotientState(above_state, below_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _divide(_, top, bottom):
    return top / bottom


def _fitting(path, gradient, top, bottom):
    """Return the leaf ``bottom`` in the shape of the others."""
    if gradient is None:
        return None
    shape, place = jnp.shape(gradient), jax.tree_util.keystr(path)
    if jnp.shape(top) != shape:
        raise ValueError(
            f"`numerator` must keep the shape of `updates{place}`, {shape}, got {jnp.shape(top)}."
        )
    if jnp.shape(bottom) not in (shape, ()):
        raise ValueError(
            f"`denominator` must give a scalar or keep the shape of `updates{place}`, {shape}, "
            f"got {jnp.shape(bottom)}."
        )
    return bottom if jnp.shape(bottom) == shape else jnp.broadcast_to(bottom, shape)
