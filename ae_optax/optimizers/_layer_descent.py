"""What is around the direction of a rule of layers: other leaves, decay and rate."""

import optax

from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.optimizers._companion import companion
from ae_optax.transforms import (
    Refresh,
    add_decayed_weights,
    chain,
    every,
    for_layers,
    scale_by_learning_rate,
)

FIRST = 20


def layer_descent(
    direction: optax.GradientTransformation,
    learning_rate: ScalarOrSchedule,
    *,
    others: optax.GradientTransformation | None,
    weight_decay: Scalar,
    weight_decay_mask: Mask | None,
) -> optax.GradientTransformation:
    """Return the optimizer that goes along ``direction``, given layers as matrices."""
    return chain(
        for_layers(direction, others=companion(others)),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )


def from_often(refresh_every: int) -> Refresh:
    """Return when a curvature is inverted: at each of the first steps, in which it changes most."""
    return every(refresh_every, each_until=min(refresh_every, FIRST))
