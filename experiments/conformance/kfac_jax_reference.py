"""Record where kfac-jax goes, which runs with older versions of JAX only.

Usage, in an environment of its own, whose versions `README.md` tells:
    python experiments/conformance/kfac_jax_reference.py

It writes `tests/golden/kfac_jax/*.npz`, with which the tests compare. Everything is in float64,
with the gradients of the loss itself, so that nothing is drawn.
"""

import importlib.metadata
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import kfac_jax
import numpy as np

jax.config.update("jax_enable_x64", True)

FOLDER = Path(__file__).parents[2] / "tests" / "golden" / "kfac_jax"
EXAMPLES, STEPS = 12, 8
SETTINGS = {
    "split": {"learning_rate": 0.1, "momentum": 0.8, "b2": 0.9, "damping": 0.3, "refresh_every": 3},
    "exact": {"learning_rate": 0.1, "momentum": 0.8, "b2": 0.9, "damping": 0.3, "refresh_every": 1},
}


def net(params, x):
    hidden = jnp.tanh(x @ params["first"]["kernel"] + params["first"]["bias"])
    return hidden @ params["second"]["kernel"] + params["second"]["bias"]


def loss(params, batch):
    x, y = batch
    out = net(params, x)
    kfac_jax.register_squared_error_loss(out, y)
    return jnp.mean(jnp.sum((out - y) ** 2, 1))


def record(way, h):
    rng = np.random.default_rng(0)
    start = {
        "first": {"kernel": rng.normal(size=(5, 4)), "bias": rng.normal(size=4)},
        "second": {"kernel": rng.normal(size=(4, 3)), "bias": rng.normal(size=3)},
    }
    xs, ys = rng.normal(size=(STEPS, EXAMPLES, 5)), rng.normal(size=(STEPS, EXAMPLES, 3))
    optimizer = kfac_jax.Optimizer(
        jax.value_and_grad(loss),
        l2_reg=0.0,
        num_burnin_steps=0,
        estimation_mode="fisher_empirical",
        curvature_ema=h["b2"],
        inverse_update_period=h["refresh_every"],
        use_exact_inverses=way == "exact",
        min_damping=0.0,
    )
    key = jax.random.key(0) if hasattr(jax.random, "key") else jax.random.PRNGKey(0)
    params = jax.tree_util.tree_map(jnp.asarray, start)
    state = optimizer.init(params, key, (xs[0], ys[0]))
    path = []
    for batch in zip(xs, ys, strict=True):
        params, state, _ = optimizer.step(
            params,
            state,
            key,
            batch=batch,
            learning_rate=jnp.asarray(h["learning_rate"]),
            momentum=jnp.asarray(h["momentum"]),
            damping=jnp.asarray(h["damping"]),
        )
        path.append(jax.tree_util.tree_map(np.asarray, params))
    versions = {name: importlib.metadata.version(name) for name in ("kfac-jax", "jax")}
    arrays = {f"{layer}.{name}": np.stack([p[layer][name] for p in [start, *path]])
              for layer, leaves in start.items() for name in leaves}  # fmt: skip
    told = json.dumps({"hyperparameters": h, "versions": versions})
    FOLDER.mkdir(exist_ok=True)
    np.savez(FOLDER / f"{way}.npz", xs=xs, ys=ys, settings=np.array(told), **arrays)


if __name__ == "__main__":
    for way, h in SETTINGS.items():
        record(way, h)
