"""Every number an optimizer takes: plain, traced, scheduled, swept and refused."""

import inspect
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contract_cases import (
    NAMES,
    descend,
    descended,
    descended_at,
    hyperparameters,
    make,
    numeric_arguments,
    one_of_each_kind,
    problem,
    rate,
)
from layered import with_layers
from subjects import SUBJECTS, types

from ae_optax import optimizers, transforms

EVERY = pytest.mark.parametrize("name", NAMES)
# Twenty steps of float32, in which a traced decay has fewer digits than a plain one.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.slow
@EVERY
def test_every_way_of_giving_the_rate_is_the_same(name):
    scheduled = jax.jit(lambda p: descend(make(name, lambda _: rate(name)), p))(problem())
    chex.assert_trees_all_close(scheduled, descended(name), **CLOSE)
    chex.assert_trees_all_close(descended_at(name)(rate(name)), descended(name), **CLOSE)


@pytest.mark.parametrize("name", one_of_each_kind())
def test_every_number_may_be_traced_and_a_sweep_is_the_loop(name):
    @jax.jit
    @jax.vmap
    def sweep(factor):
        numbers = {key: jnp.float32(1) * value for key, value in hyperparameters(name).items()}
        numbers["learning_rate"] = factor * numbers["learning_rate"]
        return descend(make(name, **numbers), problem())

    swept = sweep(jnp.asarray([0.5, 1.0, 2.0]))
    for i, factor in enumerate([0.5, 1.0, 2.0]):
        member = jax.tree.map(lambda leaf, i=i: leaf[i], swept)
        chex.assert_trees_all_close(member, descended_at(name)(factor * rate(name)), **CLOSE)


# One leaf, for what runs step by step.
MATRIX = {"w": problem()["w"]}
NUMERIC = [name for name, subject in SUBJECTS.items() if subject.numbers]


def two_updates(tx, grads):
    state = tx.init(grads)
    _, state = tx.update(grads, state, grads)
    return tx.update(grads, state, grads)


@pytest.mark.slow
@pytest.mark.parametrize("name", NUMERIC)
def test_works_inside_inject_hyperparams(name):
    subject, params = SUBJECTS[name], MATRIX
    # What shapes the program must be static, as Optax asks; everything else is a number.
    inject = optax.inject_hyperparams(subject.factory, static_args=subject.static_or_not(True))
    injected = with_layers(inject(**subject.arguments))
    updates, state = two_updates(injected, params)
    desired, plain_state = two_updates(subject.make(), params)
    chex.assert_trees_all_close(updates, desired, **CLOSE)
    # A plain 0 may leave a part without state out, where a number to come may not.
    states = map(jax.tree.leaves, (state.inner_state, plain_state))
    chex.assert_trees_all_close(*states, **CLOSE)
    assert set(state.hyperparams) == set(subject.numbers)
    for number in subject.numbers:  # No field of a state has the name of one.
        assert optax.tree_utils.tree_get(state, number) is state.hyperparams[number]
    start = injected.init(params)
    assert types(state) == types(start)
    assert types(jax.eval_shape(injected.init, params)) == types(jax.eval_shape(lambda: start))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NUMERIC if name not in NAMES])
def test_a_vectorized_sweep_of_all_its_numbers_is_the_loop(name):
    subject, factors = SUBJECTS[name], [1.0, 0.95]

    def member(factor):
        # Of one for a number that is one: a decay of more would be refused.
        numbers = {key: factor * value for key, value in subject.numbers.items()}
        return two_updates(subject.make(**numbers), MATRIX)[0]

    swept = jax.vmap(member)(jnp.asarray(factors))
    for i, factor in enumerate(factors):
        chex.assert_trees_all_close(
            jax.tree.map(lambda leaf, i=i: leaf[i], swept), member(factor), **CLOSE
        )


# What is refused, of optimizers and transformations alike.

FUNCTIONS = [
    getattr(package, name)
    for package in (optimizers, transforms)
    for name in package.__all__
    if name[0].islower()
]
ARGUMENTS = [
    pytest.param(function, argument, id=f"{function.__name__}-{argument}")
    for function in FUNCTIONS
    for argument in numeric_arguments(function)
]
ANY_SIGN = {("at_least", "value"), ("add", "value"), ("scale", "factor")}
MAY_BE_ZERO = {"initial", "initial_step", "initial_value", "learning_rate", "min_scale", "min_step"}
MAY_BE_ZERO |= {
    "floor",
    "outward",
    "rms",
    "share",
    "smallest_share",
    "momentum_decay",
    "strength",
    "warmup_steps",
    "weight_decay",
    "weight_lr_power",
    "weight_power",
}
ABOVE_ONE = {("average_tail", "begin"), ("scale_by_rprop", "increase"), ("skip_outliers", "factor")}
# Those that recall the past by dividing through its decay.
NEVER_ZERO = {"rmsprop_centered", "running_variance", "schedule_free", "schedule_free_adamw"}
IN_UNIT_INTERVAL = {"average_decay", "b1", "b2", "b3", "decay", "momentum", "statistics_decay"}


# What functions need besides numbers.
OTHERS = {"params": {}, "state": (), "inner": transforms.identity(), "every": 2, "axis": 0}
OTHERS |= dict.fromkeys(("direction", "magnitude"), transforms.identity())
OTHERS |= {"statistic": transforms.gram(0.9), "begin": 4.0, "patience": 2}


def call(function, argument, value):
    """Call ``function`` with ``value`` for ``argument`` and something good for the others."""
    required = {
        name: OTHERS.get(name, 0.5)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty
    }
    return function(**required | {argument: value})


def outside(function, argument):
    """Return numbers that ``function`` must refuse, from the ends of its range outwards."""
    values = [float("nan"), float("inf"), float("-inf"), np.float32("nan")]
    if (function.__name__, argument) in ANY_SIGN:
        return values
    values += [-1, -1e-9, np.float32(-0.5)]
    if argument in IN_UNIT_INTERVAL:
        # A maximum may keep its past in full.
        return [*values, 1.5] if function.__name__ == "running_max" else [*values, 1, 1.5]
    if argument == "threshold":
        return values if function.__name__ == "reduce_on_plateau" else [*values, 3.999]
    return values if argument in MAY_BE_ZERO else [*values, 0, 0.0]


def ends(function, argument):
    """Return the ends of the range of ``argument`` that ``function`` must take."""
    if argument in IN_UNIT_INTERVAL:
        return [] if function.__name__ in NEVER_ZERO else [0, 0.0]
    if (function.__name__, argument) in ABOVE_ONE:
        return [1.001]
    return [0, 0.0] if argument in MAY_BE_ZERO else [4] if argument == "threshold" else [1e-6]


@pytest.mark.parametrize(("function", "argument"), ARGUMENTS)
def test_what_is_no_number_is_refused_by_name(function, argument):
    for value in (True, np.True_, "0.1", None, [0.1], {}, 0.1j, np.ones(2), jnp.ones(2)):
        message = f"`{argument}` must be a number, got {value!r}."
        with pytest.raises(TypeError, match=re.escape(message)):
            call(function, argument, value)


@pytest.mark.parametrize(("function", "argument"), ARGUMENTS)
def test_a_number_outside_its_range_is_refused_by_name(function, argument):
    plain = outside(function, argument)
    # Arrays are numbers too, as long as they are not traced.
    for value in [*plain, *map(np.asarray, plain[:4]), *map(jnp.float32, plain)]:
        message = rf"^`{argument}` must .*, got {re.escape(repr(value))}\.$"
        with pytest.raises(ValueError, match=message):
            call(function, argument, value)


def test_a_number_that_is_traced_passes_unchecked():
    @jax.jit
    def step(learning_rate):
        tx = optimizers.sgd(learning_rate)
        return tx.update(jnp.ones(2), tx.init(jnp.ones(2)))[0]

    np.testing.assert_array_equal(step(-1.0), 1.0)
    with pytest.raises(ValueError, match=r"at least 0 and finite, got Array\(-1\."):
        optimizers.sgd(jnp.float32(-1))


@pytest.mark.parametrize(("function", "argument"), ARGUMENTS)
def test_the_ends_of_a_range_are_taken_as_its_docstring_says(function, argument):
    for value in ends(function, argument):
        if function.__name__ == "nesterov_point":
            with pytest.raises(ValueError, match="`state`"):  # The state that `call` has is empty.
                call(function, argument, value)
        else:
            call(function, argument, value)
    lines = " ".join(function.__doc__.split())
    assert "ValueError: If" in lines
    assert "TypeError: If" in lines
