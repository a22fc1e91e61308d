"""The options that every Keras optimizer has, and the order in which they act."""

from collections.abc import Callable
from typing import NamedTuple

import optax

from ae_optax._checks import check_learning_rate, check_positive
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._accumulation import accumulate_gradients, rate_when_applied
from ae_optax.compat.keras._decay_first import decay_first
from ae_optax.compat.keras._model_average import average_model
from ae_optax.transforms import chain, clip, clip_by_global_norm, clip_by_norm, scale


class Common(NamedTuple):
    """The common options, in Keras's order; the package's docstring says what they mean."""

    weight_decay: Scalar | None
    clipnorm: Scalar | None
    clipvalue: Scalar | None
    global_clipnorm: Scalar | None
    use_ema: bool
    ema_momentum: Scalar
    ema_overwrite_frequency: int | None
    loss_scale_factor: Scalar | None
    gradient_accumulation_steps: int | None


def with_common(
    rule: Callable[[ScalarOrSchedule], optax.GradientTransformation],
    learning_rate: ScalarOrSchedule,
    common: Common,
) -> optax.GradientTransformation:
    """Put the common options around a rule, in the order in which Keras's ``apply`` acts.

    Args:
        rule: Makes the optimizer proper, from the learning rate.
        learning_rate: A number, a traced scalar, or a schedule of the step from 0.
        common: The options.

    Returns:
        An optimizer.

    Raises:
        ValueError: If an option is out of its range, or more than one kind of clipping is asked
            for.
        TypeError: If an option is not a number.
    """
    check_learning_rate("learning_rate", learning_rate)
    steps = common.gradient_accumulation_steps
    rate = learning_rate if steps is None else rate_when_applied(learning_rate, steps)
    step = rule(rate)
    if common.weight_decay is not None:
        step = decay_first(step, learning_rate=rate, weight_decay=common.weight_decay)
    step = chain(*_clipping(common), step)
    if steps is not None:
        step = accumulate_gradients(step, steps)
    if common.loss_scale_factor is not None:
        check_positive("loss_scale_factor", common.loss_scale_factor)
        step = chain(scale(1 / common.loss_scale_factor), step)
    if common.use_ema:
        step = average_model(
            step,
            momentum=common.ema_momentum,
            overwrite_frequency=common.ema_overwrite_frequency,
            updates_per_step=1 if steps is None else steps,
        )
    return step


def _clipping(common):
    kinds = {
        "clipnorm": clip_by_norm,
        "clipvalue": clip,
        "global_clipnorm": clip_by_global_norm,
    }
    given = {name: getattr(common, name) for name in kinds}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
        raise ValueError(
            "At most one of `clipnorm`, `clipvalue` and `global_clipnorm` must be given, "
            f"got {shown}."
        )
    for name, value in given.items():
        check_positive(name, value)
    return [kinds[name](value) for name, value in given.items()]
