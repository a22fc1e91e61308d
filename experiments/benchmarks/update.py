"""The update alone: array passes and wall time of every composed rule, beside Optax's own."""

import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax
from ae_optax import optimizers

RATE = 1e-3
SHAPE, LEAVES = (1024, 1024), 4
# Optax's rule with the same arrays to read and write; `None`: it has none.
OPTAX = {
    "adabelief": optax.adabelief(RATE),
    "adadelta": optax.adadelta(RATE),
    "adafactor": optax.adafactor(RATE),
    "adagrad": optax.adagrad(RATE),
    "adam": optax.adam(RATE),
    "adam_max_norm": None,
    "adam_p_norm": None,
    "adam_uncorrected": None,
    "adamax": optax.adamax(RATE),
    "adamw": optax.adamw(RATE),
    "adan": optax.adan(RATE),
    "amsgrad": optax.amsgrad(RATE),
    "classical_momentum": optax.chain(optax.scale_by_learning_rate(RATE), optax.trace(0.9)),
    "lamb": optax.lamb(RATE),
    "lars": optax.lars(RATE),
    "lion": optax.lion(RATE),
    "momentum": optax.sgd(RATE, momentum=0.9),
    "nadam": optax.nadam(RATE),
    "nadam_scheduled": None,
    "nesterov": optax.sgd(RATE, momentum=0.9, nesterov=True),
    "radam": optax.radam(RATE),
    "rmsprop": optax.rmsprop(RATE),
    "rmsprop_centered": optax.rmsprop(RATE, centered=True),
    "rmsprop_momentum": optax.rmsprop(RATE, momentum=0.9),
    "sgd": optax.sgd(RATE),
    "yogi": optax.yogi(RATE),
}


def measure(quick):
    """Return, for every optimizer exported, passes and seconds, ours and Optax's."""
    repetitions = 2 if quick else 60
    rows = {}
    for name in optimizers.__all__:
        pair = {"ours": getattr(ae_optax, name)(RATE), "optax": OPTAX.get(name)}
        pair = {who: optimizer for who, optimizer in pair.items() if optimizer is not None}
        passes = {who: array_passes(optimizer) for who, optimizer in pair.items()}
        rows[name] = {"passes": passes}
        if len(pair) == 2:
            rows[name] |= wall_time(pair, repetitions)
        print(f"update: {name} {passes}", flush=True)
    return {"parameters": LEAVES * SHAPE[0] * SHAPE[1], "repetitions": repetitions, "rules": rows}


def make_params(seed):
    rng = np.random.default_rng(seed)
    return {str(leaf): jnp.asarray(rng.normal(size=SHAPE), jnp.float32) for leaf in range(LEAVES)}


def make_step(optimizer):
    def step(params, state, grads):
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    return step


def array_passes(optimizer):
    """Return how often one update reads or writes an array of the parameters' size."""
    params = jax.eval_shape(lambda: make_params(0))
    state = jax.eval_shape(optimizer.init, params)
    compiled = jax.jit(make_step(optimizer)).lower(params, state, params).compile()
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
    return compiled.cost_analysis()["bytes accessed"] / size


def wall_time(pair, repetitions):
    """Return milliseconds per update, and the ratio of neighbours in alternation."""
    grads = make_params(1)
    steps, carries, times = {}, {}, {who: [] for who in pair}
    for who, optimizer in pair.items():
        params = make_params(0)
        carries[who] = params, jax.jit(optimizer.init)(params)
        steps[who] = jax.jit(make_step(optimizer), donate_argnums=(0, 1))
    for repetition in range(-2, repetitions):
        # Who goes first changes, as what ran before leaves its arrays in the cache.
        for who in sorted(pair, reverse=repetition % 2 == 0):
            started = time.perf_counter()
            carries[who] = jax.block_until_ready(steps[who](*carries[who], grads))
            if repetition >= 0:  # The first two compile and warm up.
                times[who].append(1e3 * (time.perf_counter() - started))
    ratios = [a / b for a, b in zip(times["ours"], times["optax"], strict=True)]
    quartiles = np.quantile(ratios, [0.25, 0.75])
    return {
        "milliseconds": {who: median(found) for who, found in times.items()},
        "ratio": {"median": median(ratios), "quartiles": quartiles.tolist()},
    }
