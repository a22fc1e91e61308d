"""What `ae_optax.compat.torch` owes beyond its numbers: traced arguments, clear errors."""

import inspect
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax import by_path, evaluation_params
from ae_optax.compat import torch as compat

OPTIMIZERS = {
    "adadelta": {},
    "adafactor": {"weight_decay": 0.1},
    "adagrad": {"lr_decay": 0.1},
    "adam": {"amsgrad": True},
    "adamax": {},
    "adamw": {},
    "asgd": {},
    "muon": {},
    "nadam": {},
    "radam": {},
    "rmsprop": {"centered": True, "momentum": 0.9},
    "rprop": {},
    "sgd": {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
}
EVERY = pytest.mark.parametrize("name", OPTIMIZERS)


def make(name, **options):
    return getattr(compat, name)(**OPTIMIZERS[name], **options)


def parameters(name):
    params = {"w": jnp.linspace(0.5, 2.0, 6).reshape(3, 2)}
    if name != "muon":
        params |= {"s": jnp.asarray(-2.0), "empty": jnp.zeros((0, 3)), "none": None}
    return params


@pytest.mark.slow
@EVERY
def test_takes_a_traced_rate_a_schedule_and_a_number_alike(name):
    params = parameters(name)

    def two_steps(lr):
        tx = make(name, lr=lr)
        state = tx.init(params)
        for _ in range(2):
            updates, state = tx.update(params, state, params)
        return updates

    number = two_steps(0.1)
    chex.assert_trees_all_close(jax.jit(two_steps)(0.1), number, rtol=1e-5)
    chex.assert_trees_all_close(two_steps(lambda _: 0.1), number, rtol=1e-5)


@EVERY
def test_goes_down_a_quadratic_and_up_if_asked_to(name):
    params = start = {"w": jnp.full((3, 2), 2.0)}
    for maximize in (False, True) if name != "muon" else (False,):
        tx = make(name, lr=0.1, **({"maximize": True} if maximize else {}))
        state, params = tx.init(start), start
        for _ in range(3):
            updates, state = tx.update(params, state, params)
            params = optax.apply_updates(params, updates)
        assert bool(jnp.all((params["w"] > start["w"]) == maximize))


@EVERY
def test_arguments_without_meaning_are_refused_with_the_reason(name):
    meaningless = {"foreach": True, "fused": True, "capturable": True, "differentiable": True}
    known = inspect.signature(getattr(compat, name)).parameters
    for argument, value in meaningless.items():
        if argument in known:
            with pytest.raises(ValueError, match=f"`{argument}` must be left at .*, got True: it"):
                make(name, **{argument: value})


@EVERY
def test_is_printed_as_the_call_that_makes_it(name):
    shown = repr(make(name))
    assert shown.startswith(f"{name}(lr=")
    assert repr(eval(shown, vars(compat).copy())) == shown


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sgd", {"lr": -1.0}, "`lr` must be at least 0 and finite, got -1.0."),
        ("sgd", {"momentum": 1.0}, r"`momentum` must lie in \[0, 1\), got 1.0."),
        ("sgd", {"dampening": np.inf}, "`dampening` must be finite, got inf."),
        ("sgd", {"weight_decay": -1}, "`weight_decay` must be at least 0 and finite, got -1."),
        ("sgd", {"nesterov": True}, "`nesterov` must go with a `momentum` above 0 and"),
        (
            "sgd",
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "a `dampening` of 0, got 0.9 and 0.1.",
        ),
        ("asgd", {"lambd": -1}, "`lambd` must be at least 0 and finite, got -1."),
        ("asgd", {"alpha": np.inf}, "`alpha` must be finite, got inf."),
        ("asgd", {"t0": np.inf}, "`t0` must be finite, got inf."),
        ("adagrad", {"lr_decay": -1}, "`lr_decay` must be at least 0 and finite, got -1."),
        ("adagrad", {"initial_accumulator_value": -1}, "`initial_accumulator_value` must be at"),
        ("adagrad", {"eps": -1}, "`eps` must be at least 0 and finite, got -1."),
        ("rmsprop", {"alpha": 1}, r"`alpha` must lie in \[0, 1\), got 1."),
        (
            "rmsprop",
            {"alpha": 0.0, "centered": True},
            "`alpha` must be positive and finite, got 0.0.",
        ),
        ("rmsprop", {"momentum": 1}, r"`momentum` must lie in \[0, 1\), got 1."),
        ("rmsprop", {"eps": -1}, "`eps` must be at least 0 and finite, got -1."),
        ("adadelta", {"rho": 1}, r"`rho` must lie in \[0, 1\), got 1."),
        ("adadelta", {"eps": 0}, "`eps` must be positive and finite, got 0."),
        ("adam", {"betas": 0.9}, "`betas` must be two numbers, got 0.9."),
        ("adam", {"betas": (0.9, 1)}, r"`betas\[1\]` must lie in \[0, 1\), got 1."),
        ("adam", {"eps": -1}, "`eps` must be at least 0 and finite, got -1."),
        ("adamw", {"weight_decay": -1}, "`weight_decay` must be at least 0 and finite, got -1."),
        ("adamax", {"eps": -1}, "`eps` must be at least 0 and finite, got -1."),
        ("nadam", {"momentum_decay": -1}, "`momentum_decay` must be at least 0 and finite"),
        ("radam", {"betas": (-1, 0.9)}, r"`betas\[0\]` must lie in \[0, 1\), got -1."),
        ("rprop", {"etas": (0.5,)}, r"`etas` must be two numbers, got \(0.5,\)."),
        ("rprop", {"etas": 0.5}, "`etas` must be two numbers, got 0.5."),
        ("rprop", {"etas": (2.0, 1.2)}, r"`etas\[0\]` must lie in \(0, 1\), got 2.0."),
        ("rprop", {"etas": (0.5, np.inf)}, r"`etas\[1\]` must be above 1 and finite, got inf."),
        ("rprop", {"step_sizes": (-1.0, 1.0)}, r"`step_sizes\[0\]` must be at least 0 and finite"),
        ("rprop", {"step_sizes": (0, 0)}, r"`step_sizes\[1\]` must be positive and finite, got 0."),
        ("adafactor", {"beta2_decay": 0.8}, "`beta2_decay` must be negative and finite, got 0.8."),
        ("adafactor", {"beta2_decay": -np.inf}, "`beta2_decay` must be negative and finite, got"),
        ("adafactor", {"eps": 1e-3}, "`eps` must be two numbers, got 0.001."),
        ("adafactor", {"eps": (1,)}, r"`eps` must be two numbers, got \(1,\)."),
        ("adafactor", {"eps": (0, 1)}, r"`eps\[0\]` must be positive and finite, got 0."),
        ("adafactor", {"eps": (None, 0)}, r"`eps\[1\]` must be positive and finite, got 0."),
        ("adafactor", {"d": 0}, "`d` must be positive and finite, got 0."),
        ("muon", {"eps": 0}, "`eps` must be positive and finite, got 0."),
        ("muon", {"ns_coefficients": (1, 2)}, r"`ns_coefficients` must be three numbers, got \("),
        (
            "muon",
            {"ns_coefficients": (1.0, 2.0, np.nan)},
            r"`ns_coefficients\[2\]` must be finite, got nan.",
        ),
        ("muon", {"ns_steps": -1}, "`ns_steps` must be at least 0, got -1."),
        ("muon", {"ns_steps": 100}, "`ns_steps` must be below 100, got 100."),
        (
            "muon",
            {"adjust_lr_fn": "x"},
            "`adjust_lr_fn` must be one of None, original",
        ),
    ],
)
def test_refuses_numbers_out_of_range(name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(compat, name)(**options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sgd", {"momentum": "x"}, "`momentum` must be a number, got 'x'."),
        ("muon", {"ns_steps": 2.5}, "`ns_steps` must be an integer, got 2.5."),
        ("sgd", {"maximize": 1}, "`maximize` must be True or False, got 1."),
        ("sgd", {"nesterov": 1}, "`nesterov` must be True or False, got 1."),
        ("adam", {"amsgrad": 1}, "`amsgrad` must be True or False, got 1."),
        ("rmsprop", {"centered": None}, "`centered` must be True or False, got None."),
        ("nadam", {"decoupled_weight_decay": 1}, "`decoupled_weight_decay` must be True or"),
    ],
)
def test_refuses_arguments_of_another_kind(name, options, message):
    with pytest.raises(TypeError, match=message):
        getattr(compat, name)(**options)


def test_muon_refuses_what_is_no_matrix_by_name():
    with pytest.raises(ValueError, match=r"`params\['b'\]` must be a matrix, got the shape \(3,\)"):
        compat.muon().init({"b": jnp.zeros(3)})


def test_asgd_is_evaluated_at_its_average_from_the_start():
    params = {"w": jnp.ones(3)}
    tx = optax.chain(optax.clip(1.0), compat.asgd(0.1))
    state = tx.init(params)
    chex.assert_trees_all_equal(evaluation_params(state, params), params)
    updates, state = tx.update(params, state, params)
    moved = optax.apply_updates(params, updates)
    chex.assert_trees_all_close(evaluation_params(state, params), moved, rtol=1e-6)


def test_a_cycle_of_the_momentum_can_be_passed_on():
    schedule = compat.one_cycle_lr(0.1, max_lr=1.0, total_steps=10)
    tx = optax.inject_hyperparams(compat.sgd)(lr=schedule, momentum=schedule.momentum)
    params = {"w": jnp.ones(3)}
    _, state = tx.update(params, tx.init(params), params)
    np.testing.assert_allclose(state.hyperparams["momentum"], 0.95, rtol=1e-6)
    assert compat.one_cycle_lr(0.1, 1.0, 10, cycle_momentum=False).momentum is None


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("step_lr", {"step_size": 0}, "`step_size` must be at least 1 and finite, got 0."),
        ("step_lr", {"step_size": 3, "gamma": -1}, "`gamma` must be at least 0 and finite, got -1"),
        ("multi_step_lr", {"milestones": [-1]}, r"`milestones\[0\]` must be at least 0"),
        ("constant_lr", {"factor": 0}, "`factor` must be positive and finite, got 0."),
        ("constant_lr", {"total_iters": 0}, "`total_iters` must be at least 1 and finite, got 0."),
        ("linear_lr", {"start_factor": 0}, "`start_factor` must be positive and finite, got 0."),
        ("linear_lr", {"end_factor": -1}, "`end_factor` must be at least 0 and finite, got -1."),
        ("exponential_lr", {"gamma": -1}, "`gamma` must be at least 0 and finite, got -1."),
        ("polynomial_lr", {"power": 0}, "`power` must be positive and finite, got 0."),
        ("cosine_annealing_lr", {"T_max": 0}, "`T_max` must be at least 1 and finite, got 0."),
        (
            "cosine_annealing_warm_restarts",
            {"T_0": 0},
            "`T_0` must be at least 1 and finite, got 0.",
        ),
        (
            "cosine_annealing_warm_restarts",
            {"T_0": 5, "eta_min": np.nan},
            "`eta_min` must be at least 0 and finite, got nan.",
        ),
        (
            "cosine_annealing_warm_restarts",
            {"T_0": 5, "eta_min": -1.0},
            "`eta_min` must be at least 0 and finite, got -1.0.",
        ),
        ("one_cycle_lr", {"max_lr": 1}, "`total_steps` must be given, or both `epochs` and"),
        (
            "one_cycle_lr",
            {"max_lr": 1, "total_steps": 9, "pct_start": 2},
            r"`pct_start` must lie in \[0, 1\], got 2.",
        ),
        (
            "one_cycle_lr",
            {"max_lr": 1, "total_steps": 9, "anneal_strategy": "x"},
            "`anneal_strategy` must be one of cos, linear, got 'x'.",
        ),
        ("cyclic_lr", {"base_lr": 0, "max_lr": 1, "mode": "x"}, "`mode` must be one of triangular"),
        (
            "cyclic_lr",
            {"base_lr": 0, "max_lr": 1, "scale_mode": "x"},
            "`scale_mode` must be one of cycle, iterations, got 'x'.",
        ),
        ("constant_lr", {"factor": 1.5}, "`factor` must be at most 1, got 1.5."),
        ("linear_lr", {"start_factor": 2}, "`start_factor` must be at most 1, got 2."),
        ("linear_lr", {"end_factor": 1.1}, "`end_factor` must be at most 1, got 1.1."),
        (
            "sequential_lr",
            {"schedulers": [], "milestones": []},
            r"`schedulers` must not be empty, got \[\].",
        ),
    ],
)
def test_schedulers_refuse_numbers_out_of_range(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(compat, name)(0.1, **arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "cosine_annealing_warm_restarts",
            {"T_0": 5, "eta_min": "x"},
            "`eta_min` must be a number, got 'x'.",
        ),
        (
            "cyclic_lr",
            {"base_lr": 0, "max_lr": 1, "base_momentum": "x"},
            "`base_momentum` must be a number, got 'x'.",
        ),
    ],
)
def test_schedulers_refuse_arguments_of_another_kind(name, arguments, message):
    with pytest.raises(TypeError, match=message):
        getattr(compat, name)(0.1, **arguments)


def test_schedulers_refuse_a_negative_rate_and_what_is_no_function():
    with pytest.raises(ValueError, match="`lr` must be at least 0 and finite, got -1"):
        compat.exponential_lr(-1, 0.9)
    for name in ("lambda_lr", "multiplicative_lr"):
        with pytest.raises(TypeError, match="`lr_lambda` must be a function of the step, got 1"):
            getattr(compat, name)(0.1, 1)


def test_combined_schedulers_refuse_what_does_not_go_together():
    one, other = compat.exponential_lr(0.1, 0.9), compat.exponential_lr(0.2, 0.9)
    with pytest.raises(ValueError, match="`milestones` must be one less than the 2 schedulers"):
        compat.sequential_lr(0.1, [one, one], [1, 2])
    with pytest.raises(ValueError, match=r"`milestones` must increase from above 0, got \[3, 3\]"):
        compat.sequential_lr(0.1, [one, one, one], [3, 3])
    with pytest.raises(ValueError, match=r"`schedulers` must have one `lr`, got \[0.1, 0.2\]."):
        compat.chained_scheduler([one, other])
    with pytest.raises(ValueError, match="`optimizer` must be left at None, got 1"):
        compat.chained_scheduler([one], 1)
    with pytest.raises(TypeError, match=r"`schedulers\[1\]` must be made by a function of"):
        compat.chained_scheduler([one, lambda step: step])
    chain, sequence = compat.chained_scheduler([one]), compat.sequential_lr(0.1, [one, one], [1])
    with pytest.raises(
        ValueError, match=r"`schedulers\[1\]` must not be a chain, unless it is the"
    ):
        compat.sequential_lr(0.1, [one, chain], [1])
    with pytest.raises(ValueError, match=r"`schedulers\[0\]` must not hold a sequence: PyTorch"):
        compat.sequential_lr(0.1, [compat.chained_scheduler([sequence]), one], [1])
    cycle = compat.one_cycle_lr(0.1, 1.0, 10)
    with pytest.raises(ValueError, match="`schedulers` must hold one one_cycle_lr at most"):
        compat.chained_scheduler([cycle, compat.chained_scheduler([cycle])])


def test_warm_restarts_rise_to_a_rate_above_their_own():
    schedule, steps = compat.cosine_annealing_warm_restarts(0.1, 5, eta_min=0.3), np.arange(12)
    desired = 0.3 + (0.1 - 0.3) * (1 + np.cos(np.pi * (steps % 5) / 5)) / 2
    # rtol: some units in the last place of float32.
    np.testing.assert_allclose(jax.vmap(schedule)(steps), desired, rtol=1e-6)


def test_a_rise_without_length_has_passed_at_step_0():
    schedule = compat.one_cycle_lr(0.1, 2.0, 10, pct_start=0.1)
    assert float(schedule(0)) == 2.0  # PyTorch divides zero by zero here.
    assert np.isfinite(jax.vmap(schedule)(np.arange(12))).all()


@pytest.mark.parametrize(
    "schedule",
    [
        compat.step_lr(1.0, 10**10),
        compat.multi_step_lr(1.0, [10**10]),
        compat.sequential_lr(1.0, [compat.step_lr(1.0, 50)] * 2, [10**10]),
        compat.cyclic_lr(1.0, 1.0, 2.0, 10**10),
    ],
)
def test_a_period_beyond_all_steps_is_endless(schedule):
    assert float(schedule(7)) == 1.0
    assert np.isfinite(schedule(10**10))  # Nor can such a step be counted.


def test_a_schedule_is_a_scalar_of_the_default_float_type_for_any_kind_of_step():
    chained = compat.chained_scheduler(
        [compat.linear_lr(0.1), compat.cosine_annealing_lr(0.1, 10, 0.01)]
    )
    for schedule in (chained, compat.sequential_lr(0.1, [chained, compat.step_lr(0.1, 3)], [7])):
        values = [schedule(9), schedule(jnp.int32(9)), jax.jit(schedule)(9)]
        assert {(v.shape, v.dtype) for v in values} == {((), jnp.dtype("float32"))}
        np.testing.assert_allclose(values, values[0], rtol=1e-6)


def test_needs_jax_and_optax_only():
    program = """
import sys
import ae_optax
assert "ae_optax.compat" not in sys.modules
ae_optax.compat.torch.adam(0.1)
assert not {"torch", "keras", "flax", "orbax", "matplotlib", "rich", "yaml"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", ["adam", "adamax", "nadam", "radam"])
def test_a_group_that_misses_a_gradient_misses_the_step(name):
    params = {"at times": jnp.full((2, 3), 2.0), "always": jnp.ones(3)}
    group, whole = make(name), by_path({"at times": make(name), "**": make(name)})
    alone = {"at times": params["at times"]}
    state, own = whole.init(params), group.init(alone)
    for size in (1.0, None, 3.0, None, -1.0):
        grad = None if size is None else jnp.full((2, 3), size)
        updates, state = whole.update({"at times": grad, "always": jnp.ones(3)}, state, params)
        if grad is not None:
            desired, own = group.update({"at times": grad}, own, alone)
            chex.assert_trees_all_equal(updates["at times"], desired["at times"])
