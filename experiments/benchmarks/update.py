"""The update alone: array passes and wall time of every rule, beside Optax's and by hand."""

import time
from statistics import median

import fused
import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax

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
    """Return passes and milliseconds of every rule that is fused by hand, and of Optax's."""
    repetitions = 2 if quick else 60
    rows = {}
    for name in sorted(fused.RULES):
        ours = getattr(ae_optax, name)(RATE)
        contenders = {"ours": (ours.init, make_step(ours)), "by_hand": fused.make(name, RATE)}
        if OPTAX.get(name):
            contenders["optax"] = OPTAX[name].init, make_step(OPTAX[name])
        passes = {who: array_passes(*contender) for who, contender in contenders.items()}
        rows[name] = {"passes": passes | {"least": least_passes(ours)}}
        rows[name] |= wall_time(contenders, repetitions)
        print(f"update: {name} {rows[name]['passes']}", flush=True)
    return {"parameters": LEAVES * SHAPE[0] * SHAPE[1], "repetitions": repetitions, "rules": rows}


def make_params(seed):
    rng = np.random.default_rng(seed)
    return {str(leaf): jnp.asarray(rng.normal(size=SHAPE), jnp.float32) for leaf in range(LEAVES)}


def make_step(optimizer):
    def step(params, state, grads):
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    return step


def array_passes(init, step):
    """Return how often one update reads or writes an array of the parameters' size."""
    params = jax.eval_shape(lambda: make_params(0))
    state = jax.eval_shape(init, params)
    compiled = jax.jit(step).lower(params, state, params).compile()
    return compiled.cost_analysis()["bytes accessed"] / _bytes(params)


def least_passes(optimizer):
    """Return the passes of reading gradients and of reading and writing all else, once each."""
    params = jax.eval_shape(lambda: make_params(0))
    return 3 + 2 * _bytes(jax.eval_shape(optimizer.init, params)) / _bytes(params)


def wall_time(contenders, repetitions):
    """Return milliseconds per update, and ours over each other's, of neighbours in alternation."""
    grads = make_params(1)
    steps, carries, times = {}, {}, {who: [] for who in contenders}
    for who, (init, step) in contenders.items():
        params = make_params(0)
        carries[who] = params, jax.jit(init)(params)
        steps[who] = jax.jit(step, donate_argnums=(0, 1))
    for repetition in range(-2, repetitions):
        # Who goes first changes, as what ran before leaves its arrays in the cache.
        for who in sorted(contenders, reverse=repetition % 2 == 0):
            started = time.perf_counter()
            carries[who] = jax.block_until_ready(steps[who](*carries[who], grads))
            if repetition >= 0:  # The first two compile and warm up.
                times[who].append(1e3 * (time.perf_counter() - started))
    return {
        "milliseconds": {who: median(found) for who, found in times.items()},
        "ratio": {who: _ratio(times["ours"], times[who]) for who in times if who != "ours"},
    }


def _ratio(ours, others):
    ratios = [a / b for a, b in zip(ours, others, strict=True)]
    return {"median": median(ratios), "quartiles": np.quantile(ratios, [0.25, 0.75]).tolist()}


def _bytes(tree):
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
