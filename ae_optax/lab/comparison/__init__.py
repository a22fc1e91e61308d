"""Comparisons: contenders x settings x seeds on one problem, and what they amount to."""

from ae_optax.lab.comparison._compare import compare
from ae_optax.lab.comparison._profile import performance_profile
from ae_optax.lab.comparison._record import record, save_pictures
from ae_optax.lab.comparison._result import Result
from ae_optax.lab.comparison._verdict import by_setting, seconds_per_step, verdict

__all__ = [
    "Result",
    "by_setting",
    "compare",
    "performance_profile",
    "record",
    "save_pictures",
    "seconds_per_step",
    "verdict",
]
