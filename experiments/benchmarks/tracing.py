"""What every rule costs before it runs: 250 leaves traced and compiled, beside Optax's."""

import gc
import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from leaves_worker import SIZE
from update import OPTAX, RATE, make_step

import ae_optax
from ae_optax import optimizers

LEAVES, UNCOMPILED_LEAVES = 250, 100


def measure(quick):
    """Return processor seconds of ours and Optax's, in alternation, of every rule both have."""
    count, few, repetitions = (50, 10, 1) if quick else (LEAVES, UNCOMPILED_LEAVES, 3)
    rows = {}
    for name in optimizers.__all__:
        if not OPTAX.get(name):
            continue
        contenders = {"ours": getattr(ae_optax, name)(RATE), "optax": OPTAX[name]}
        steps = {who: make_step(optimizer) for who, optimizer in contenders.items()}
        times = {who: {"trace": [], "compile": [], "uncompiled": []} for who in contenders}
        for repetition in range(repetitions):
            for who in sorted(contenders, reverse=repetition % 2 == 0):
                traced, compiled = _prepare(contenders[who], steps[who], count)
                times[who]["trace"].append(traced)
                times[who]["compile"].append(compiled)
                uncompiled = _uncompiled(contenders[who], steps[who], few, repetitions + 1)
                times[who]["uncompiled"].append(uncompiled)
        rows[name] = {
            what: {who: min(found[what]) for who, found in times.items()} for what in times["ours"]
        }
        print(f"tracing: {name}", flush=True)
    return {
        "leaves": count,
        "uncompiled_leaves": few,
        "size": SIZE,
        "repetitions": repetitions,
        "rules": rows,
    }


def _params(count):
    rng = np.random.default_rng(0)
    return {f"{i:04d}": jnp.asarray(rng.normal(size=SIZE), jnp.float32) for i in range(count)}


def _prepare(optimizer, step, count):
    """Return the processor seconds of tracing a step and of compiling it, caches cleared."""
    params = jax.eval_shape(lambda: _params(count))
    state = jax.eval_shape(optimizer.init, params)
    jax.clear_caches()
    gc.collect()
    gc.disable()  # What it finds is what others left.
    started = time.process_time()
    lowered = jax.jit(step).lower(params, state, params)
    traced = time.process_time()
    gc.enable()
    lowered.compile()
    return traced - started, time.process_time() - traced


def _uncompiled(optimizer, step, count, repetitions):
    """Return the processor seconds of a step called as it is, as in a notebook, after the first."""
    params, grads = _params(count), _params(count)
    state, times = optimizer.init(params), []
    for _ in range(repetitions + 1):
        started = time.process_time()
        params, state = jax.block_until_ready(step(params, state, grads))
        times.append(time.process_time() - started)
    return median(times[1:])
