"""Weight decay that never works against the step."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar
from ae_optax.transforms._weight_decay import where_masked


@transformation
def add_cautious_decay(
    weight_decay: Scalar = 0.0, *, weight_decay_mask: Mask | None = None
) -> optax.GradientTransformation:
    r"""Add the parameters, scaled, where the step shrinks them anyway.

    Put between the scaling and the learning rate, in place of
    :func:`~ae_optax.add_decayed_weights`. Elementwise, for a direction of ascent :math:`u`,

    .. math::

        u' = u + \begin{cases}
            \lambda\, \theta & \text{if } u\, \theta \ge 0 \\
            0 & \text{otherwise}
        \end{cases}

    Where the optimizer wants a parameter to grow nothing pulls it back; where the gradient is
    zero it decays. The minima of the loss stay where they are.

    Args:
        weight_decay: :math:`\lambda \ge 0`.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates (real leaves); it
        needs ``params``.

    Raises:
        ValueError: If ``weight_decay`` is negative; in ``update``, if ``params`` is missing.
        TypeError: If ``weight_decay`` is not a number.

    References:
        Chen, Li, Liang, Su, Xie, Wang Pierse, Liang, Lao and Liu, `Cautious Weight Decay
        <https://arxiv.org/abs/2510.12402>`_, algorithm 1, 2025.
    """
    check_non_negative("weight_decay", weight_decay)

    decay = leafwise(_add_cautious_decay, reads_params=True, weight_decay=weight_decay)
    return where_masked(decay, weight_decay_mask)


def _add_cautious_decay(u, p, *, weight_decay):
    # Signs, not the product: that of two small numbers is zero.
    agree = jnp.sign(u) * jnp.sign(p) >= 0
    return u + jnp.where(agree, weight_decay * p, jnp.zeros_like(p))
