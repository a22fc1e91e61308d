"""Everything that is recorded of an epoch, measured inside the compiled program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax._trees import states_of
from ae_optax.lab.training._epoch import Numbers
from ae_optax.lab.training._evaluate import Evaluate
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._task import Images
from ae_optax.observing import Telemetry, find_learning_rate, plateau_scale, with_telemetry
from ae_optax.transforms import observe

Close = Callable[[TrainState, Images], tuple[TrainState, Numbers]]
PARTS = ("validation", "test")


def make_measure(evaluate: Evaluate) -> Callable[[TrainState, Images], Numbers]:
    """Make the pure function that measures a state: ``measure(state, images) -> {name: number}``.

    The loss, its terms and the metrics of the validation and test images are called
    ``validation_loss``, ``test_psnr`` and so on; of a set without images there are none.
    """

    def measure(state, images):
        return {
            f"{part}_{name}": value
            for part, labels in zip(PARTS, images.labels or (None, None), strict=True)
            if getattr(images, part).shape[0]
            for name, value in evaluate(state, getattr(images, part), labels).items()
        }

    return measure


def make_close(evaluate: Evaluate, settings: Settings) -> Close:
    """Make the pure function that ends an epoch: ``close(state, images) -> (state, numbers)``.

    It measures, notes the rate of the last step, and tells the optimizer the validation loss,
    which ``reduce_on_plateau`` observes. What there is none of has no number. An epoch of which
    more was skipped than learnt from has diverged: its loss, of the few steps that there were, NaN.
    """
    measure = make_measure(evaluate)

    def close(state, images):
        lost = state.epoch.skipped * settings.batch_size > state.epoch.images
        numbers = {
            "train_loss": jnp.where(lost, jnp.nan, state.epoch.loss),
            **measure(state, images),
            **optimizer_numbers(state),
            "plateau_scale": plateau_scale(state.opt_state).astype(jnp.float32),
        }
        if settings.on_non_finite == "skip":
            numbers["skipped_steps"] = state.epoch.skipped.astype(jnp.float32)
        if "validation_loss" in numbers:
            observed = observe(state.opt_state, numbers["validation_loss"])
            state = state._replace(opt_state=observed)
        return state, numbers

    return close


def observed(
    optimizer: optax.GradientTransformation, settings: Settings
) -> optax.GradientTransformation:
    """Return the optimizer, with telemetry if the settings ask for it."""
    return with_telemetry(optimizer) if settings.telemetry else optimizer


def step_numbers(state: TrainState, loss: jax.Array) -> Numbers:
    """Return what is recorded of a step, given the loss of its batch and the state after it."""
    return {"loss": loss.astype(jnp.float32), **optimizer_numbers(state)}


def optimizer_numbers(state: TrainState) -> Numbers:
    """Return what the optimizer did at the last step: its rate, and what telemetry measured."""
    numbers = telemetry_numbers(state.opt_state)
    rate = find_learning_rate(state.opt_state)
    return numbers if rate is None else {"learning_rate": rate * state.rate_scale, **numbers}


def telemetry_numbers(opt_state: Any) -> Numbers:
    """Return the numbers by name, ``{}`` if nothing measures.

    Of the effective rates of all leaves there is the mean, the smallest and the largest, of the
    conditions of factors the largest; norms around a stage are called ``stage.norm_before`` and
    ``stage.norm_after``.
    """
    found = states_of(opt_state, Telemetry)
    if len(found) != 1:
        return {}
    telemetry = found[0]
    names = ("gradient_norm", "update_norm", "update_ratio", "clipped_fraction")
    numbers = {name: getattr(telemetry, name) for name in names}
    mean, smallest, largest = (
        jnp.stack(jax.tree.leaves(getattr(telemetry, f"effective_rate_{name}")))
        for name in ("mean", "min", "max")
    )
    moved = smallest != jnp.inf  # The others' mean is 0, as they have no rate.
    numbers |= {
        "effective_rate_mean": jnp.sum(mean) / jnp.maximum(jnp.sum(moved, dtype=mean.dtype), 1),
        "effective_rate_min": jnp.min(smallest),
        "effective_rate_max": jnp.max(largest),
    }
    if telemetry.damping is not None:
        numbers["damping"] = telemetry.damping
    if telemetry.factor_condition:
        worst = jnp.stack(list(telemetry.factor_condition.values()))
        numbers["factor_condition"] = jnp.max(worst)
    for stage, norms in telemetry.stages.items():
        numbers |= {f"{stage}.{field}": value for field, value in norms._asdict().items()}
    return numbers
