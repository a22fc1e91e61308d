"""What a rule on one leaf is given, and what becomes of what it returns."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax._leafwise import leafwise, zeros

traces: list[Any] = []


class TwoSides(NamedTuple):
    """The sums of squares of rows and columns, a key, and a count."""

    count: jax.Array
    sides: Any
    key: Any


def start(p):
    sides = {"left": jnp.zeros(p.shape[:1]), "right": jnp.zeros(p.shape[1:])}
    return sides, jax.random.key_data(jax.random.key(0))


def rule(g, sides, key, *, decay, weight):
    traces.append((g.shape, g.dtype, sides["left"].dtype, key.dtype))
    left = decay * sides["left"] + weight * jnp.sum(g * g, 1)
    right = decay * sides["right"] + weight * jnp.sum(g * g, 0)
    return g / jnp.sqrt(left)[:, None], ({"left": left, "right": right}, key + 1)


def two_sides(decay=0.5):
    def scalars(t, like):
        return {"weight": 1 / t.astype(like.dtype)}

    return leafwise(rule, TwoSides, start, scalars=scalars, decay=decay)


def test_what_is_kept_need_not_have_the_shape_of_the_leaf():
    params = {"w": jnp.ones((2, 3), jnp.bfloat16), "none": None}
    transform = two_sides()
    state = jax.jit(transform.init)(params)
    out, state = jax.jit(transform.update)({"w": 2 * params["w"], "none": None}, state)
    assert out["w"].dtype == jnp.bfloat16
    np.testing.assert_allclose(out["w"], 2 / np.sqrt(12), rtol=1e-2)
    np.testing.assert_allclose(state.sides["w"]["right"], [8, 8, 8])
    # Whole numbers come as they are.
    np.testing.assert_array_equal(
        state.key["w"], jax.random.key_data(jax.random.key(0)) + jnp.uint32(1)
    )


def test_a_missing_gradient_leaves_what_is_kept():
    params = {"v": jnp.ones((4, 1)), "w": jnp.ones((2, 3))}
    transform = two_sides()
    state = transform.init(params)
    out, new = transform.update({"v": None, "w": params["w"]}, state)
    assert out["v"] is None
    np.testing.assert_array_equal(new.sides["v"]["left"], state.sides["v"]["left"])
    np.testing.assert_array_equal(new.sides["w"]["left"], [3, 3])


def test_a_rule_is_traced_once_for_a_shape_and_dtype_in_all_instances():
    params = {str(i): jnp.ones((5, 7)) for i in range(20)}
    traces.clear()
    for _ in range(3):
        transform = two_sides(0.25)
        state = transform.init(params)
        jax.jit(transform.update).trace(params, state)
        transform.update(params, state)
    assert len(traces) == 1


def test_the_leaf_that_is_no_number_of_the_right_kind_is_named():
    transform = leafwise(rule, TwoSides, start)
    params = {"w": jnp.ones((2, 3))}
    with pytest.raises(TypeError, match=r"`params\['n'\]` must be of floating .* got int32"):
        transform.init(params | {"n": jnp.ones((2, 3), int)})
    with pytest.raises(TypeError, match=r"`updates\['w'\]` must be of floating .* got int32"):
        transform.update({"w": jnp.ones((2, 3), int)}, transform.init(params))


def test_the_leaf_that_has_another_shape_than_its_parameter_is_named():
    transform = two_sides()
    state = transform.init({"w": jnp.ones((2, 3)), "v": jnp.ones((2, 1))})
    grads = {"w": jnp.ones((3, 2)), "v": jnp.ones((2, 1))}
    with pytest.raises(ValueError, match=r"`updates\['w'\]` must have the shape .* got \(3, 2\)"):
        transform.update(grads, state)


class Kept(NamedTuple):
    """A mean."""

    mean: Any


def follow(g, p, mean, *, rate):
    return g, (mean + rate * (p - mean),)


@pytest.mark.parametrize("rate", [0.5, jnp.float32(0.5), np.float32(0.5)])
def test_parameters_numbers_and_state_come_in_one_dtype(rate):
    transform = leafwise(follow, Kept, zeros("params"), reads_params=True, rate=rate)
    params = jnp.ones(3, jnp.bfloat16)
    state = transform.init(params)
    out, state = transform.update(jnp.ones(3, jnp.float32), state, params)
    assert (out.dtype, state.mean.dtype) == (jnp.float32, jnp.bfloat16)
    np.testing.assert_array_equal(state.mean, 0.5)


def test_parameters_that_are_read_must_be_given():
    transform = leafwise(follow, Kept, zeros("params"), reads_params=True, rate=0.5)
    with pytest.raises(ValueError, match="`params` must be given"):
        transform.update(jnp.ones(3), transform.init(jnp.ones(3)))


def test_a_state_that_is_found_by_optax_keeps_its_places():
    params = {"w": jnp.ones((2, 3))}
    transform = two_sides()
    doubled = optax.tree.map_params(transform, lambda x: x, transform.init(params))
    assert jax.tree.structure(doubled) == jax.tree.structure(transform.init(params))
