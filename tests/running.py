"""The one loop that runs a transformation over a stream of gradients, and the streams."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from layered import with_layers

from ae_optax import transforms

STEPS = 12


def stream(*shape, seed=0, steps=STEPS):
    """Return random float64 gradients, one for each step, with zeros in the middle."""
    g = np.random.default_rng(seed).normal(size=(steps, *shape))
    g[steps // 2] = 0
    return g


def scan(transformation, grads, params=None):
    """Return what ``transformation`` makes of ``grads``, whose first axis is the step."""
    start = transformation.init(jax.tree.map(lambda g: jnp.zeros_like(g[0]), grads))
    transformation = with_layers(transformation, start)

    def step(state, g):
        out, state = transformation.update(g, state, params)
        return state, out

    return jax.lax.scan(step, start, grads)[1]


def run(transformation, grads, params=None):
    """Compile :func:`scan` and return its result as NumPy arrays."""
    grads, params = jax.tree.map(jnp.asarray, (grads, params))
    compiled = jax.jit(lambda grads, params: scan(transformation, grads, params))
    return jax.tree.map(np.asarray, compiled(grads, params))


# What each function of `ae_optax.transforms` is made with when all are put to the same test.
ARGUMENTS = {
    "absolute": {},
    "accumulate": {"inner": transforms.average(0.9), "every": 1},
    "adaptive_clip": {"max_ratio": 0.5, "eps": 1e-3},
    "add": {"value": 0.5},
    "add_cautious_decay": {"weight_decay": 0.1},
    "add_decayed_weights": {"weight_decay": 0.1},
    "add_independent_decay": {"weight_decay": 0.1, "learning_rate": 0.5, "peak": 2.0},
    "at_least": {"value": 0.5},
    "average": {"decay": 0.9},
    "average_params": {"decay": 0.9},
    "average_tail": {"begin": 4.0, "decay": 0.9, "share": 0.5},
    "brake_growth": {"outward": 0.3},
    "by_path": {"groups": {"**": transforms.average(0.9)}},
    "cautious": {"inner": transforms.average(0.9), "least": 0.1},
    "centralize": {},
    "clip": {"max_value": 0.5},
    "clip_by_global_norm": {"max_norm": 0.5},
    "clip_by_norm": {"max_norm": 0.5},
    "clip_by_rms": {"max_rms": 0.5},
    "compensate_updates": {},
    "correct_bias": {"decay": 0.9},
    "correct_root_bias": {"decay": 0.9},
    "decay_after_step": {"weight_decay": 0.1, "learning_rate": 0.5},
    "delay": {"inner": transforms.average(0.9), "steps": 3},
    "divide_by_norm": {"eps": 1e-3},
    "ema_nesterov": {"strength": 0.5, "decay": 0.9},
    "factored_average": {"exponent": 0.7, "minimum": 1e-3},
    "fitted_precondition": {"rate": 0.2, "noise": 1e-2, "max_rms": 0.9},
    "floor_norm": {"share": 2.0},
    "for_layers": {"layers": transforms.average(0.9), "others": transforms.average(0.8)},
    "for_matrices": {"matrices": transforms.average(0.9), "others": transforms.average(0.8)},
    "freeze": {},
    "graft": {"direction": transforms.sign(), "magnitude": transforms.average(0.9), "eps": 1e-8},
    "hyperball": {"learning_rate": 0.1},
    "identity": {},
    "in_basis": {
        "statistic": transforms.gram(0.9),
        "inner": transforms.turned(transforms.average(0.9)),
    },
    "interpolated_average": {"b1": 0.8, "b2": 0.95},
    "lookahead": {"inner": transforms.average(0.9), "every": 2, "slow_rate": 0.25},
    "needs_layers": {"inner": transforms.average(0.9)},
    "needs_layers_at": {"inner": transforms.average(0.9)},
    "needs_sampled_layers": {"inner": transforms.average(0.9)},
    "nesterov_average": {"decay": 0.9},
    "newton_schulz": {"coefficients": (0.5, -0.01, 1e-4)},
    "orthogonalize": {},
    "permuted": {"inner": transforms.average(0.9)},
    "polar_factor": {},
    "power": {"exponent": 2.0},
    "precondition_chain": {"decay": 0.9, "inner": transforms.average(0.8), "eps": 0.1},
    "precondition": {"statistic": transforms.gram(0.9, initial=0.1), "power": 4.0},
    "proximal_l1": {"strength": 0.1, "learning_rate": 0.5},
    "rectify": {"decay": 0.9, "threshold": 4.5},
    "reduce_on_plateau": {"factor": 0.5, "patience": 2},
    "relative_floor": {"share": 0.1},
    "remove_parallel": {"axis": -1},
    "retract_to_ball": {"axis": -1, "radius": 0.5},
    "retract_to_length": {},
    "retract_to_radial_length": {},
    "retract_to_sphere": {"axis": -1, "radius": 2.0},
    "root": {},
    "running_max": {"decay": 0.9},
    "running_sum": {"initial_value": 0.5},
    "running_variance": {"decay": 0.9},
    "scale": {"factor": -3.0},
    "scale_by_adadelta": {"decay": 0.9, "eps": 1e-6},
    "scale_by_adan": {"b1": 0.9, "b2": 0.8, "b3": 0.95, "eps": 1e-8},
    "scale_by_belief": {"b1": 0.9, "b2": 0.95, "eps": 1e-8},
    "scale_by_fan": {},
    "scale_by_learning_rate": {"learning_rate": 0.1},
    "scale_by_local_rate": {"coefficient": 0.1, "weight_decay": 0.1},
    "scale_by_longest_side": {"rms": 0.2},
    "scale_by_mean_side": {"others": 0.5},
    "scale_by_momentum": {"momentum": 0.9},
    "scale_by_nesterov": {"momentum": 0.9},
    "scale_by_parameter_rms": {"minimum": 1e-3},
    "scale_by_rms": {"decay": 0.9, "eps": 1e-8},
    "scale_by_rprop": {"initial_step": 0.1, "decrease": 0.4, "increase": 1.5},
    "scale_by_sparsity": {"decay": 0.9, "exponent": 0.5},
    "scale_by_trust_ratio": {"coefficient": 0.5},
    "scale_by_unit_rms": {"decay": 0.9, "eps": 1e-3},
    "schedule_free": {"inner": transforms.identity(), "learning_rate": 0.1, "warmup_steps": 4.0},
    "scheduled_nesterov_average": {"decay": 0.9, "momentum_decay": 0.5},
    "sign": {},
    "skip_non_finite": {"inner": transforms.average(0.9)},
    "skip_outliers": {"inner": transforms.average(0.9), "factor": 2.0, "decay": 0.9},
    "square": {},
    "stochastic_round_updates": {"key": 3},
    "switch": {"at": 3, "before": transforms.average(0.9), "after": transforms.average(0.8)},
    "transported": {"inner": transforms.average(0.9)},
    "turned": {"inner": transforms.average(0.9)},
    "yogi_average": {"decay": 0.9},
}

# Made of other transformations, or no transformation at all: they have tests of their own.
OTHERS = {
    "chain",
    "flatten",
    "quotient",
    "of_max_norm",
    "reset_units",
    "global_norm",
    "nesterov_point",
}
OTHERS |= {"evaluation_params", "path_mask", "observe", "whiten"}
# What a statistic, a basis, a root, a time and a view are: arguments.
OTHERS |= {"gram", "gram_sum", "debiased_gram", "kl_gram", "thinned", "eigenbasis"}
OTHERS |= {"orthogonal_iteration", "sorted_iteration", "shifted_root", "pseudo_root", "ridged_root"}
OTHERS |= {"newton_root", "product_root", "every", "rolling", "view", "random_draws"}
# What is of layers has its tests in tests/capturing.
OTHERS |= {"balanced", "empirical_factors", "fisher_factors", "layer_gram", "sampled_gram"}
OTHERS |= {"adapt_damping", "minimize_quadratic"}
OTHERS |= {"precondition_bfgs", "damped_inverse", "factored_curvature", "squared_examples", "needs"}


@functools.cache
def make(name):
    """Return the transformation ``name`` with the arguments of the table, as plain numbers."""
    return with_layers(getattr(transforms, name)(**ARGUMENTS[name]))


def functions(package):
    """Return the names of the functions that ``package`` exports."""
    return [name for name in package.__all__ if name[0].islower()]
