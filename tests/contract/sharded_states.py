"""Print of every optimizer whether its state keeps its types and its sharding: run by a test.

To be run with eight virtual devices: parameters are sharded along their second axis over an
explicit mesh.
"""

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ae_optax import optimizers


def verdict(name):
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        sharding = NamedSharding(mesh, PartitionSpec(None, "x", None))
        params = {"w": jax.device_put(jnp.ones((2, 8, 4), jnp.float16), sharding)}
        tx = getattr(optimizers, name)(0.1)
        state = tx.init(params)
        updates, after = jax.jit(tx.update)(params, state, params)
        if jax.tree.map(jax.typeof, updates) != jax.tree.map(jax.typeof, params):
            return f"updates are {jax.typeof(updates['w'])}"
        before, then = jax.tree.map(jax.typeof, state), jax.tree.map(jax.typeof, after)
        return "stable" if before == then else f"{before} becomes {then}"


for each in optimizers.__all__:
    try:
        print(f"{each}: {verdict(each)}")
    except Exception as error:
        print(f"{each}: {type(error).__name__} {str(error).splitlines()[0]}")
