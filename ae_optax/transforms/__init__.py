"""Small gradient transformations: the words from which every optimizer is composed."""

from ae_optax.transforms._accumulate import (
    RunningMaxState,
    RunningSumState,
    running_max,
    running_sum,
)
from ae_optax.transforms._adadelta import ScaleByAdadeltaState, scale_by_adadelta
from ae_optax.transforms._adan import ScaleByAdanState, scale_by_adan
from ae_optax.transforms._average import AverageState, CorrectBiasState, average, correct_bias
from ae_optax.transforms._belief import ScaleByBeliefState, scale_by_belief
from ae_optax.transforms._chain import chain
from ae_optax.transforms._clip import clip, clip_by_global_norm, clip_by_rms, global_norm
from ae_optax.transforms._elementwise import (
    absolute,
    add,
    identity,
    power,
    root,
    scale,
    sign,
    square,
)
from ae_optax.transforms._factored_average import FactoredAverageState, factored_average
from ae_optax.transforms._interpolated_average import interpolated_average
from ae_optax.transforms._learning_rate import ScaleByLearningRateState, scale_by_learning_rate
from ae_optax.transforms._max_norm import of_max_norm
from ae_optax.transforms._momentum import (
    MomentumState,
    look_ahead,
    scale_by_momentum,
    scale_by_nesterov,
)
from ae_optax.transforms._nesterov_average import (
    NesterovAverageState,
    ScheduledNesterovAverageState,
    nesterov_average,
    scheduled_nesterov_average,
)
from ae_optax.transforms._parameter_rms import scale_by_parameter_rms
from ae_optax.transforms._quotient import QuotientState, quotient
from ae_optax.transforms._rectify import rectify
from ae_optax.transforms._rms import RunningVarianceState, running_variance, scale_by_rms
from ae_optax.transforms._trust_ratio import scale_by_local_rate, scale_by_trust_ratio
from ae_optax.transforms._weight_decay import add_decayed_weights
from ae_optax.transforms._yogi_average import yogi_average

__all__ = [
    "AverageState",
    "CorrectBiasState",
    "FactoredAverageState",
    "MomentumState",
    "NesterovAverageState",
    "QuotientState",
    "RunningMaxState",
    "RunningSumState",
    "RunningVarianceState",
    "ScaleByAdadeltaState",
    "ScaleByAdanState",
    "ScaleByBeliefState",
    "ScaleByLearningRateState",
    "ScheduledNesterovAverageState",
    "absolute",
    "add",
    "add_decayed_weights",
    "average",
    "chain",
    "clip",
    "clip_by_global_norm",
    "clip_by_rms",
    "correct_bias",
    "factored_average",
    "global_norm",
    "identity",
    "interpolated_average",
    "look_ahead",
    "nesterov_average",
    "of_max_norm",
    "power",
    "quotient",
    "rectify",
    "root",
    "running_max",
    "running_sum",
    "running_variance",
    "scale",
    "scale_by_adadelta",
    "scale_by_adan",
    "scale_by_belief",
    "scale_by_learning_rate",
    "scale_by_local_rate",
    "scale_by_momentum",
    "scale_by_nesterov",
    "scale_by_parameter_rms",
    "scale_by_rms",
    "scale_by_trust_ratio",
    "scheduled_nesterov_average",
    "sign",
    "square",
    "yogi_average",
]
