"""``add_decayed_weights``, with its mask."""

import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax import transforms as tf

PARAMS = {"layer": {"w": jnp.full((2, 2), 3.0), "b": jnp.full(2, 5.0)}, "s": jnp.float32(7.0)}
ONES = {"layer": {"w": jnp.ones((2, 2)), "b": jnp.ones(2)}, "s": jnp.float32(1.0)}


def decayed(mask):
    decay = tf.add_decayed_weights(0.5, weight_decay_mask=mask)
    out, _ = decay.update(ONES, decay.init(PARAMS), PARAMS)
    return float(out["layer"]["w"][0, 0]), float(out["layer"]["b"][0]), float(out["s"])


@pytest.mark.parametrize(
    ("mask", "desired"),
    [
        (None, (2.5, 3.5, 4.5)),
        ({"layer": {"w": True, "b": False}, "s": False}, (2.5, 1.0, 1.0)),
        ({"layer": True, "s": False}, (2.5, 3.5, 1.0)),
        (lambda params: {"layer": False, "s": params["s"].ndim == 0}, (1.0, 1.0, 4.5)),
    ],
    ids=["none", "tree", "prefix", "function"],
)
def test_adds_the_parameters_that_the_mask_names(mask, desired):
    assert decayed(mask) == desired


def test_decays_in_float32_before_it_rounds():
    decay, params = tf.add_decayed_weights(1e-3), jnp.full(1, 256, jnp.bfloat16)
    out, _ = decay.update(jnp.ones(1, jnp.bfloat16), decay.init(params), params)
    np.testing.assert_array_equal(out, jnp.asarray([1.256], jnp.bfloat16))
