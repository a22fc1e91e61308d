"""Small gradient transformations: the words from which every optimizer is composed."""

from ae_optax.transforms._accumulate import AccumulateState, accumulate
from ae_optax.transforms._average import (
    AverageState,
    CorrectBiasState,
    average,
    correct_bias,
    correct_root_bias,
)
from ae_optax.transforms._average_params import AverageParamsState, average_params
from ae_optax.transforms._average_tail import AverageTailState, average_tail
from ae_optax.transforms._basis import Basis, eigenbasis, orthogonal_iteration, sorted_iteration
from ae_optax.transforms._belief import ScaleByBeliefState, scale_by_belief
from ae_optax.transforms._by_path import ByPathState, by_path
from ae_optax.transforms._carried import (
    PermutedState,
    TransportedState,
    TurnedState,
    permuted,
    transported,
    turned,
)
from ae_optax.transforms._cautious import CautiousState, cautious
from ae_optax.transforms._cautious_decay import add_cautious_decay
from ae_optax.transforms._chain import chain
from ae_optax.transforms._clip import clip, clip_by_global_norm, clip_by_rms
from ae_optax.transforms._clip_by_norm import clip_by_norm
from ae_optax.transforms._compensate import CompensateUpdatesState, compensate_updates
from ae_optax.transforms._decay_after_step import DecayAfterStepState, decay_after_step
from ae_optax.transforms._divide_by_norm import divide_by_norm
from ae_optax.transforms._draws import Draws, random_draws
from ae_optax.transforms._elementwise import (
    absolute,
    add,
    at_least,
    identity,
    power,
    root,
    scale,
    sign,
    square,
)
from ae_optax.transforms._ema_nesterov import EmaNesterovState, ema_nesterov
from ae_optax.transforms._evaluation_params import evaluation_params
from ae_optax.transforms._factored_average import FactoredAverageState, factored_average
from ae_optax.transforms._fitted_precondition import (
    FittedPreconditionState,
    fitted_precondition,
)
from ae_optax.transforms._flatten import FlattenState, flatten
from ae_optax.transforms._for_layers import ForLayersState, for_layers
from ae_optax.transforms._for_matrices import ForMatricesState, for_matrices
from ae_optax.transforms._freeze import freeze
from ae_optax.transforms._global_norm import global_norm
from ae_optax.transforms._graft import GraftState, graft
from ae_optax.transforms._hyperball import hyperball
from ae_optax.transforms._in_basis import InBasisState, in_basis
from ae_optax.transforms._independent_decay import AddIndependentDecayState, add_independent_decay
from ae_optax.transforms._interpolated_average import interpolated_average
from ae_optax.transforms._layer_statistics import (
    balanced,
    empirical_factors,
    fisher_factors,
    layer_gram,
    sampled_gram,
)
from ae_optax.transforms._learning_rate import ScaleByLearningRateState, scale_by_learning_rate
from ae_optax.transforms._lookahead import LookaheadState, lookahead
from ae_optax.transforms._max_norm import of_max_norm
from ae_optax.transforms._momentum import (
    MomentumState,
    nesterov_point,
    scale_by_momentum,
    scale_by_nesterov,
)
from ae_optax.transforms._needs import (
    NeedsCurvatureState,
    NeedsLayersAtState,
    NeedsLayersState,
    NeedsLossAtState,
    NeedsSampledLayersState,
    needs,
    needs_layers,
    needs_layers_at,
    needs_sampled_layers,
)
from ae_optax.transforms._nesterov_average import (
    NesterovAverageState,
    ScheduledNesterovAverageState,
    nesterov_average,
    scheduled_nesterov_average,
)
from ae_optax.transforms._newton_schulz import newton_schulz
from ae_optax.transforms._orthogonalize import orthogonalize, polar_factor
from ae_optax.transforms._parameter_rms import scale_by_parameter_rms
from ae_optax.transforms._paths import PathError, path_mask
from ae_optax.transforms._precondition import PreconditionState, precondition
from ae_optax.transforms._precondition_bfgs import PreconditionBfgsState, precondition_bfgs
from ae_optax.transforms._precondition_chain import PreconditionChainState, precondition_chain
from ae_optax.transforms._proximal import ProximalL1State, proximal_l1
from ae_optax.transforms._quadratic import (
    AdaptDampingState,
    MinimizeQuadraticState,
    adapt_damping,
    minimize_quadratic,
)
from ae_optax.transforms._quotient import QuotientState, quotient
from ae_optax.transforms._radial import (
    brake_growth,
    floor_norm,
    retract_to_length,
    retract_to_radial_length,
)
from ae_optax.transforms._rectify import rectify
from ae_optax.transforms._reduce_on_plateau import (
    ReduceOnPlateauState,
    observe,
    reduce_on_plateau,
)
from ae_optax.transforms._refresh import Refresh, every, rolling
from ae_optax.transforms._relative_floor import relative_floor
from ae_optax.transforms._remove_parallel import remove_parallel
from ae_optax.transforms._reset_units import ResetUnitsState, reset_units
from ae_optax.transforms._retract import retract_to_ball, retract_to_sphere
from ae_optax.transforms._rms import RunningVarianceState, running_variance, scale_by_rms
from ae_optax.transforms._root import (
    Root,
    damped_inverse,
    newton_root,
    product_root,
    pseudo_root,
    ridged_root,
    shifted_root,
)
from ae_optax.transforms._running import (
    RunningMaxState,
    RunningSumState,
    running_max,
    running_sum,
)
from ae_optax.transforms._scale_by_adadelta import ScaleByAdadeltaState, scale_by_adadelta
from ae_optax.transforms._scale_by_adan import ScaleByAdanState, scale_by_adan
from ae_optax.transforms._scale_by_rprop import ScaleByRpropState, scale_by_rprop
from ae_optax.transforms._scale_by_unit_rms import ScaleByUnitRmsState, scale_by_unit_rms
from ae_optax.transforms._schedule_free import ScheduleFreeState, schedule_free
from ae_optax.transforms._shape_scale import scale_by_fan, scale_by_longest_side, scale_by_mean_side
from ae_optax.transforms._skip import (
    SkipNonFiniteState,
    SkipOutliersState,
    skip_non_finite,
    skip_outliers,
)
from ae_optax.transforms._sparsity import ScaleBySparsityState, scale_by_sparsity
from ae_optax.transforms._statistics import (
    Statistic,
    debiased_gram,
    gram,
    gram_sum,
    kl_gram,
)
from ae_optax.transforms._stochastic_rounding import (
    StochasticRoundUpdatesState,
    stochastic_round_updates,
)
from ae_optax.transforms._switch import DelayState, SwitchState, delay, switch
from ae_optax.transforms._thinned import thinned
from ae_optax.transforms._told import factored_curvature, squared_examples
from ae_optax.transforms._trust_ratio import scale_by_local_rate, scale_by_trust_ratio
from ae_optax.transforms._units import adaptive_clip, centralize
from ae_optax.transforms._views import View, view
from ae_optax.transforms._weight_decay import add_decayed_weights
from ae_optax.transforms._whiten import whiten
from ae_optax.transforms._yogi_average import yogi_average

__all__ = [
    "AccumulateState",
    "AdaptDampingState",
    "AddIndependentDecayState",
    "AverageParamsState",
    "AverageState",
    "AverageTailState",
    "Basis",
    "ByPathState",
    "CautiousState",
    "CompensateUpdatesState",
    "CorrectBiasState",
    "DecayAfterStepState",
    "DelayState",
    "Draws",
    "EmaNesterovState",
    "FactoredAverageState",
    "FittedPreconditionState",
    "FlattenState",
    "ForLayersState",
    "ForMatricesState",
    "GraftState",
    "InBasisState",
    "LookaheadState",
    "MinimizeQuadraticState",
    "MomentumState",
    "NeedsCurvatureState",
    "NeedsLayersAtState",
    "NeedsLayersState",
    "NeedsLossAtState",
    "NeedsSampledLayersState",
    "NesterovAverageState",
    "PathError",
    "PermutedState",
    "PreconditionBfgsState",
    "PreconditionChainState",
    "PreconditionState",
    "ProximalL1State",
    "QuotientState",
    "ReduceOnPlateauState",
    "Refresh",
    "ResetUnitsState",
    "Root",
    "RunningMaxState",
    "RunningSumState",
    "RunningVarianceState",
    "ScaleByAdadeltaState",
    "ScaleByAdanState",
    "ScaleByBeliefState",
    "ScaleByLearningRateState",
    "ScaleByRpropState",
    "ScaleBySparsityState",
    "ScaleByUnitRmsState",
    "ScheduleFreeState",
    "ScheduledNesterovAverageState",
    "SkipNonFiniteState",
    "SkipOutliersState",
    "Statistic",
    "StochasticRoundUpdatesState",
    "SwitchState",
    "TransportedState",
    "TurnedState",
    "View",
    "absolute",
    "accumulate",
    "adapt_damping",
    "adaptive_clip",
    "add",
    "add_cautious_decay",
    "add_decayed_weights",
    "add_independent_decay",
    "at_least",
    "average",
    "average_params",
    "average_tail",
    "balanced",
    "brake_growth",
    "by_path",
    "cautious",
    "centralize",
    "chain",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_rms",
    "compensate_updates",
    "correct_bias",
    "correct_root_bias",
    "damped_inverse",
    "debiased_gram",
    "decay_after_step",
    "delay",
    "divide_by_norm",
    "eigenbasis",
    "ema_nesterov",
    "empirical_factors",
    "evaluation_params",
    "every",
    "factored_average",
    "factored_curvature",
    "fisher_factors",
    "fitted_precondition",
    "flatten",
    "floor_norm",
    "for_layers",
    "for_matrices",
    "freeze",
    "global_norm",
    "graft",
    "gram",
    "gram_sum",
    "hyperball",
    "identity",
    "in_basis",
    "interpolated_average",
    "kl_gram",
    "layer_gram",
    "lookahead",
    "minimize_quadratic",
    "needs",
    "needs_layers",
    "needs_layers_at",
    "needs_sampled_layers",
    "nesterov_average",
    "nesterov_point",
    "newton_root",
    "newton_schulz",
    "observe",
    "of_max_norm",
    "orthogonal_iteration",
    "orthogonalize",
    "path_mask",
    "permuted",
    "polar_factor",
    "power",
    "precondition",
    "precondition_bfgs",
    "precondition_chain",
    "product_root",
    "proximal_l1",
    "pseudo_root",
    "quotient",
    "random_draws",
    "rectify",
    "reduce_on_plateau",
    "relative_floor",
    "remove_parallel",
    "reset_units",
    "retract_to_ball",
    "retract_to_length",
    "retract_to_radial_length",
    "retract_to_sphere",
    "ridged_root",
    "rolling",
    "root",
    "running_max",
    "running_sum",
    "running_variance",
    "sampled_gram",
    "scale",
    "scale_by_adadelta",
    "scale_by_adan",
    "scale_by_belief",
    "scale_by_fan",
    "scale_by_learning_rate",
    "scale_by_local_rate",
    "scale_by_longest_side",
    "scale_by_mean_side",
    "scale_by_momentum",
    "scale_by_nesterov",
    "scale_by_parameter_rms",
    "scale_by_rms",
    "scale_by_rprop",
    "scale_by_sparsity",
    "scale_by_trust_ratio",
    "scale_by_unit_rms",
    "schedule_free",
    "scheduled_nesterov_average",
    "shifted_root",
    "sign",
    "skip_non_finite",
    "skip_outliers",
    "sorted_iteration",
    "square",
    "squared_examples",
    "stochastic_round_updates",
    "switch",
    "thinned",
    "transported",
    "turned",
    "view",
    "whiten",
    "yogi_average",
]
