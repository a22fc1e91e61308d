"""Print of every transformation whether its state keeps its types and its sharding.

To be run by a test with eight virtual devices. Parameters are sharded along one of their axes,
first over an explicit mesh, where the sharding is part of the type, then inside `jax.shard_map`,
where the axes are over which a number varies. Nothing is compiled, but for a few.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from subjects import FACTORING, SUBJECTS, make

import ae_optax
from ae_optax import transforms
from ae_optax.compat import keras

# Where a product of the matrix with itself sums along the sharded axis, JAX asks for a choice that
# is the caller's to make: several matrices are sharded between each other, one alone is not.
PLACED = {
    "compat.keras.muon": ((8, 2, 4), ("x", None, None)),
    "compat.torch.muon": ((8, 4), (None, None)),
    "transforms.newton_schulz": ((8, 2, 4), ("x", None, None)),
    **dict.fromkeys(
        (*FACTORING, "muon", "normuon", "transforms.orthogonalize", "transforms.polar_factor"),
        ((8, 4), (None, None)),
    ),
    **{
        f"transforms.{name}": ((8, 4), ("x", None))
        for name in (
            "for_layers",
            "for_matrices",
            "needs_layers",
            "needs_layers_at",
            "needs_sampled_layers",
        )
    },
}


TELEMETRY = ae_optax.with_telemetry(ae_optax.chain(ae_optax.clip(1.0), ae_optax.adam(0.1)))
# They ask a question of whole leaves or trees, or branch on the answer. These are run.
ASKING = {
    "accumulate": transforms.accumulate(ae_optax.adam(0.1), every=2),
    "skip_non_finite": transforms.skip_non_finite(ae_optax.adam(0.1)),
    "skip_outliers": transforms.skip_outliers(ae_optax.adam(0.1)),
    "keras.adam": keras.adam(gradient_accumulation_steps=2),
    "adam_max_norm": ae_optax.adam_max_norm(0.1),
}

# They decompose, which a device does for itself with all of a matrix. These are compiled.
DECOMPOSING = {
    "shampoo": ae_optax.shampoo(0.1, refresh_every=2, start=1),
    "soap": ae_optax.soap(0.1, refresh_every=2),
}


def described(tree):
    def of(leaf):
        kind = jax.typeof(leaf)
        return f"{kind.str_short()}{list(kind.sharding.spec)}{' weak' * kind.weak_type}"

    return jax.tree.map(of, tree)


def verdict(name):
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Explicit,))
    shape, spec = PLACED.get(name, ((2, 8, 4), (None, "x", None)))
    with jax.set_mesh(mesh):
        sharding = NamedSharding(mesh, PartitionSpec(*spec))
        params = {"w": jax.device_put(jnp.ones(shape, jnp.float16), sharding)}
        tx, seen = make(name), []

        def step(params, state):
            updates, after = tx.update(params, state, params)
            seen.append([described(tree) for tree in (params, updates, state, after)])

        jax.eval_shape(step, params, tx.init(params))
        ((own, updates, before, after),) = seen
        if updates != own:
            return f"updates are {updates['w']}"
        return "stable" if before == after else f"{before} becomes {after}"


def verdict_inside_shard_map(name):
    tx = TELEMETRY if name == "with_telemetry" else make(name)
    shape = (2, 4) if name == "compat.torch.muon" else (2, 4, 3)
    seen = []

    def step(params):
        state = tx.init(params)
        _, after = tx.update(params, state, params)
        seen.append([jax.tree.map(lambda x: str(jax.typeof(x)), tree) for tree in (state, after)])
        return params

    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Auto,))
    spec = PartitionSpec("x")
    params = {"w": jnp.ones((8 * shape[0], *shape[1:]))}
    jax.eval_shape(jax.shard_map(step, mesh=mesh, in_specs=(spec,), out_specs=spec), params)
    ((before, after),) = seen
    return "stable" if before == after else f"{before} becomes {after}"


def verdict_step_by_step(name):
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        sharding = NamedSharding(mesh, PartitionSpec("x"))
        params = {"w": jax.device_put(jnp.ones((8, 2)), sharding), "b": jnp.ones(2)}
        tx = ASKING[name]
        state = tx.init(params)
        updates, after = tx.update(params, state, params)
        stable = described((updates, after)) == described((params, state))
        return "stable" if stable else f"{described(state)} becomes {described(after)}"


def verdict_of_numbers(name):
    """Take some steps with parameters, moments, statistics and bases sharded, and on one device."""
    tx, params = DECOMPOSING[name], jnp.ones((16, 8))
    grads = jnp.asarray(np.random.default_rng(0).normal(size=(5, 16, 8)), jnp.float32)
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Auto,))

    def steps(params, state):
        def step(carry, g):
            updates, state = tx.update(g, carry[1], carry[0])
            return (optax.apply_updates(carry[0], updates), state), None

        return jax.lax.scan(step, (params, state), grads)[0]

    def sharding(leaf):
        at = next((i for i, length in enumerate(leaf.shape) if length % 8 == 0), None)
        spec = ["x" if i == at else None for i in range(leaf.ndim)]
        return NamedSharding(mesh, PartitionSpec(*spec))

    begun = params, tx.init(params)
    spread = jax.tree.map(sharding, begun)
    found = jax.jit(steps, in_shardings=spread, out_shardings=spread)(*begun)
    matrices = [x for x in jax.tree.leaves(found) if x.ndim == 3]
    if not matrices or any(x.is_fully_replicated for x in matrices):
        return "not sharded"
    pairs = zip(*map(jax.tree.leaves, (found, jax.jit(steps)(*begun))), strict=True)
    apart = max(float(jnp.max(jnp.abs(a - b))) for a, b in pairs if a.ndim < 3)
    return "equal" if apart < 1e-5 else f"{apart} apart"


if __name__ == "__main__":
    tasks = [(each, verdict, each) for each in SUBJECTS]
    for each in [*SUBJECTS, "with_telemetry"]:
        tasks.append((f"{each} inside shard_map", verdict_inside_shard_map, each))
    for each in ASKING:
        tasks.append((f"{each} step by step", verdict_step_by_step, each))
    for each in DECOMPOSING:
        tasks.append((f"{each} in numbers", verdict_of_numbers, each))
    for title, judge, each in tasks:
        try:
            print(f"{title}: {judge(each)}")
        except Exception as error:
            print(f"{title}: {type(error).__name__} {str(error).splitlines()[0]}")
