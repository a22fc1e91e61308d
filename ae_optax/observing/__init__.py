"""Looking at optimizers: values by name, telemetry, their composition, and its mistakes."""

from ae_optax.observing._cost import Cost, cost_of
from ae_optax.observing._describe import describe
from ae_optax.observing._lint import lint
from ae_optax.observing._plan import Plan, plan
from ae_optax.observing._rate import find_learning_rate, learning_rate_in_force, plateau_scale
from ae_optax.observing._read import read
from ae_optax.observing._telemetry import StageNorms, Telemetry, WithTelemetryState, with_telemetry

__all__ = [
    "Cost",
    "Plan",
    "StageNorms",
    "Telemetry",
    "WithTelemetryState",
    "cost_of",
    "describe",
    "find_learning_rate",
    "learning_rate_in_force",
    "lint",
    "plan",
    "plateau_scale",
    "read",
    "with_telemetry",
]
