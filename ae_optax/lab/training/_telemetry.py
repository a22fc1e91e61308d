"""What ``with_telemetry`` measured at the last step, as a flat dictionary of numbers."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax._trees import states_of
from ae_optax.lab.training._settings import Settings
from ae_optax.observing import Telemetry, with_telemetry


def observed(
    optimizer: optax.GradientTransformation, settings: Settings
) -> optax.GradientTransformation:
    """Return the optimizer, with telemetry if the settings ask for it."""
    return with_telemetry(optimizer) if settings.telemetry else optimizer


def telemetry_numbers(opt_state: Any) -> Mapping[str, jax.Array]:
    """Return the numbers by name, ``{}`` if nothing measures.

    Of the effective rates of all leaves there is the mean, the smallest and the largest; norms
    around a stage are called ``stage.norm_before`` and ``stage.norm_after``.
    """
    found = states_of(opt_state, Telemetry)
    if len(found) != 1:
        return {}
    telemetry = found[0]
    names = ("gradient_norm", "update_norm", "update_ratio", "clipped_fraction")
    reductions = {"mean": jnp.nanmean, "min": jnp.nanmin, "max": jnp.nanmax}
    numbers = {name: getattr(telemetry, name) for name in names}
    for name, reduce in reductions.items():
        rates = jnp.stack(jax.tree.leaves(getattr(telemetry, f"effective_rate_{name}")))
        numbers[f"effective_rate_{name}"] = reduce(rates)
    for stage, norms in telemetry.stages.items():
        numbers |= {f"{stage}.{field}": value for field, value in norms._asdict().items()}
    return numbers
