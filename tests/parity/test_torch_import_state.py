"""A run that PyTorch began and we go on with."""

import copy
import functools
import json
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from parity_streams import difference, gradients, varying_traced
from torch_states import END, MOVE, NAMES, RUNS, record

from ae_optax.compat import torch as compat

GOLDEN = Path(__file__).parent / "golden" / "torch_states.json"
EVERY_RUN = pytest.mark.parametrize("name", RUNS)


pytestmark = pytest.mark.usefixtures("x64")


@functools.cache
def golden():
    return json.loads(GOLDEN.read_text())


def saved(name):
    """Return what :func:`torch_states.record` returned when it was written down."""
    run = copy.deepcopy(golden()[name])
    state_dict = run["state_dict"]
    state_dict["state"] = {
        int(index): {k: None if v is None else np.array(v) for k, v in state.items()}
        for index, state in state_dict["state"].items()
    }
    params, end = ({k: np.array(v) for k, v in run[key].items()} for key in ("params", "end"))
    return params, state_dict, end


def go_on(name, params, state_dict):
    """Return where our optimizer leads from PyTorch's state, as a trajectory of one step."""
    theirs, options = RUNS[name]
    tx = getattr(compat, theirs.lower())(varying_traced, **options)
    params = jax.tree.map(jnp.asarray, params)
    state = compat.import_state(state_dict, params, names=NAMES, step=MOVE)
    start = tx.init(params)
    assert jax.tree.map(jax.typeof, state) == jax.tree.map(jax.typeof, start)

    def step(carry, g):
        params, state = carry
        updates, state = tx.update(g, state, params)
        return (optax.apply_updates(params, updates), state), None

    grads = {leaf: jnp.asarray(g[MOVE:END]) for leaf, g in gradients().items()}
    run = jax.jit(lambda *carry: jax.lax.scan(step, carry, grads)[0][0])
    return jax.tree.map(lambda p: np.asarray(p)[None], run(params, state))


def difference_at_the_end(name, params, state_dict, end):
    end = {leaf: p[None] for leaf, p in end.items()}
    return difference(go_on(name, params, state_dict), end)


@EVERY_RUN
def test_a_run_goes_on_as_if_it_had_not_moved(name):
    assert difference_at_the_end(name, *saved(name)) <= 1e-12


@EVERY_RUN
@pytest.mark.slow
def test_a_run_goes_on_from_the_tensors_of_pytorch_itself(name):
    pytest.importorskip("torch")
    assert difference_at_the_end(name, *record(name)) <= 1e-12


@EVERY_RUN
def test_what_pytorch_does_to_its_memory_later_changes_nothing(name):
    params, state_dict, _ = saved(name)
    # An array of 64-byte alignment, as a tensor's, is one that JAX could do without copying.
    for state in state_dict["state"].values():
        for key, value in state.items():
            if value is not None:
                room = np.zeros(value.size + 8, value.dtype)
                begin = -room.ctypes.data % 64 // value.itemsize
                aligned = room[begin : begin + value.size].reshape(value.shape)
                aligned[...] = value
                state[key] = aligned
    state = compat.import_state(state_dict, params, names=NAMES)
    before = jax.tree.map(np.array, state)
    for kept in state_dict["state"].values():
        for value in kept.values():
            if value is not None:
                value[...] = 7
    chex.assert_trees_all_equal(state, before)


def test_the_steps_that_pytorch_counted_are_where_schedules_go_on():
    params, state_dict, _ = saved("AdamW")
    state = compat.import_state(state_dict, params, names=NAMES)
    counts = optax.tree.get_all_with_path(state, "count")
    assert {int(count) for _, count in counts} == {MOVE}
    params, state_dict, _ = saved("SGD momentum")
    state = compat.import_state(state_dict, params, names=NAMES)
    assert int(optax.tree.get(state, "count")) == 0


def test_arrays_can_be_converted_by_the_path_of_the_parameter():
    params, state_dict, _ = saved("Adam")
    weight = nnx.Param(params["weight"].T)
    ours = {"layer": {"weight": weight, "bias": params["bias"]}, "s": params["scalar"]}
    state = compat.import_state(
        state_dict,
        ours,
        names=["layer/weight", "layer/bias", "s"],
        convert=lambda path, x: x.T if path == "layer/weight" else x,
    )
    mean = state[1].numerator[0].mean
    np.testing.assert_array_equal(mean["layer"]["weight"][...], state_dict["state"][0]["exp_avg"].T)


def test_a_state_before_the_first_step_is_the_state_at_the_start():
    params, state_dict, _ = saved("Adam")
    state = compat.import_state(state_dict | {"state": {}}, params, names=NAMES)
    rate = state_dict["param_groups"][0]["lr"]
    chex.assert_trees_all_equal(state, compat.adam(rate, weight_decay=0.1).init(params))


def changed(name="Adam", **options):
    """Return parameters and a state_dict whose parameter group has other options."""
    params, state_dict, _ = saved(name)
    state_dict["param_groups"][0] |= options
    return params, state_dict


def refused(message, params, state_dict, **arguments):
    with pytest.raises(ValueError, match=message):
        compat.import_state(state_dict, params, **({"names": NAMES} | arguments))


def test_refuses_the_state_of_another_optimizer():
    refused("must be that of an Adam, AdamW, SGD or RMSprop", *changed(momentum_decay=0.1))


def test_refuses_another_number_of_parameters():
    params, state_dict = changed()
    refused(
        "`params` must have as many leaves as PyTorch has parameters, 3, got 1",
        {"weight": params["weight"]},
        state_dict,
    )


def test_refuses_names_that_are_not_those_of_the_parameters():
    refused("`names` must be the paths", *changed(), names=["weight", "bias", "other"])


def test_refuses_another_shape_and_says_what_may_be_wrong():
    message = r"must have the shape \(5,\) for the parameter 'bias', got \(4, 3\): is the order"
    refused(message, *changed(), names=None)


def test_refuses_groups_with_different_options():
    params, state_dict = changed()
    group = state_dict["param_groups"][0]
    state_dict["param_groups"] = [group | {"params": [0]}, group | {"params": [1, 2], "eps": 1.0}]
    refused("must have the same options in all parameter groups", params, state_dict)


def test_groups_that_differ_in_nothing_but_the_rate_are_one():
    params, state_dict = changed()
    group = state_dict["param_groups"][0]
    whole = compat.import_state(state_dict, params, names=NAMES)
    state_dict["param_groups"] = [group | {"params": [0]}, group | {"params": [1, 2], "lr": 1.0}]
    chex.assert_trees_all_equal(compat.import_state(state_dict, params, names=NAMES), whole)


def test_refuses_a_state_that_lacks_a_parameter():
    params, state_dict = changed()
    del state_dict["state"][1]
    refused(r"must have a state for every parameter, got none for \['bias'\]", params, state_dict)


def test_refuses_parameters_that_took_different_numbers_of_steps():
    params, state_dict = changed()
    state_dict["state"][1]["step"] = np.array(3.0)
    refused(r"must count as many steps for all parameters, got \[3, 60\]", params, state_dict)


def test_refuses_an_old_state_that_does_not_tell_adam_from_adamw():
    params, state_dict = changed()
    del state_dict["param_groups"][0]["decoupled_weight_decay"]
    refused("must say `decoupled_weight_decay` in its parameter groups", params, state_dict)
