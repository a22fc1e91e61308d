"""Weight decay, added to whatever comes in."""

import jax
import optax

from ae_optax._checks import check_non_negative, is_plain_number
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar


@transformation
def add_decayed_weights(
    weight_decay: Scalar = 0.0, *, weight_decay_mask: Mask | None = None
) -> optax.GradientTransformation:
    r"""Add the parameters, scaled: :math:`u = g + \lambda\, \theta`.

    First in a chain this is the gradient of :math:`\tfrac\lambda2 \lVert\theta\rVert^2` (an L2
    penalty); between an adaptive scaling and the learning rate it is decoupled decay (AdamW).

    Args:
        weight_decay: :math:`\lambda \ge 0`.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params``.

    Raises:
        ValueError: If ``weight_decay`` is negative; in ``update``, if ``params`` is missing.
        TypeError: If ``weight_decay`` is not a number.

    References:
        Loshchilov and Hutter, `Decoupled Weight Decay Regularization
        <https://arxiv.org/abs/1711.05101>`_, ICLR 2019.
    """
    check_non_negative("weight_decay", weight_decay)

    decay = leafwise(add_decay, reads_params=True, weight_decay=weight_decay)
    return where_masked(decay, weight_decay_mask)


def add_decay(g: jax.Array, p: jax.Array, *, weight_decay: Scalar) -> jax.Array:
    r"""Return :math:`g + \lambda\, \theta`."""
    if is_plain_number(weight_decay) and weight_decay == 0:
        # No compiler leaves out 0 * p, which is no zero for all p: `p` would be read for nothing.
        return g
    return g + weight_decay * p


def where_masked(
    decay: optax.GradientTransformation, mask: Mask | None
) -> optax.GradientTransformation:
    """Return ``decay``, applied only where ``mask`` is true; ``None`` is everywhere."""
    return decay if mask is None else optax.masked(decay, mask)
