"""States to save, and the ways to look at what came back."""

import jax
import jax.numpy as jnp
import numpy as np
import optax


def state(seed=0, optimizer=None, dtype="float32", width=3):
    """A state as training has it: parameters, that of an optimizer, a key and a counter."""
    numbers = np.random.default_rng(seed)
    params = {
        "encoder": {"w": jnp.asarray(numbers.normal(size=(4, width)), dtype)},
        "decoder/b": jnp.asarray(numbers.normal(size=(width,)), dtype),
    }
    return {
        "params": params,
        "opt_state": (optimizer or optax.adam(0.1)).init(params),
        "key": jax.random.key(seed),
        "count": jnp.asarray(seed, jnp.int32),
    }


def leaf_bytes(tree):
    """Every leaf as dtype, shape and bytes, so that NaN equals itself and -0 differs from 0."""

    def one(leaf):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return str(leaf.dtype), leaf.shape, np.asarray(jax.random.key_data(leaf)).tobytes()
        return str(leaf.dtype), leaf.shape, np.asarray(leaf).tobytes()

    return {jax.tree_util.keystr(p): one(x) for p, x in jax.tree_util.tree_leaves_with_path(tree)}


def assert_same_bits(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    assert leaf_bytes(tree) == leaf_bytes(other)
