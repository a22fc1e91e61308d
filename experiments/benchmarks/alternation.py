"""Programs in alternation in one process, so that what else the machine does meets all of them."""

import time

import jax
import numpy as np

from ae_optax.lab import training


def in_alternation(programs, repetitions):
    """Return the milliseconds of every call, who goes first changing from turn to turn."""
    times = {name: [] for name in programs}
    for turn in range(-2, repetitions):
        for at in np.roll(np.arange(len(programs)), turn):
            name = list(programs)[at]
            started = time.perf_counter()
            jax.block_until_ready(programs[name]())
            if turn >= 0:  # The first two compile and warm up.
                times[name].append(1e3 * (time.perf_counter() - started))
    return times


def steps(task, optimizer, images, number=1):
    """Return a program that takes so many more steps, whose state goes on."""
    carry = training.init_state(task.model, optimizer, images, 0)
    compiled = jax.jit(training.make_step(task, optimizer), donate_argnums=0)

    def run():
        nonlocal carry
        for _ in range(number):
            carry, loss = compiled(carry, images, None)
        return loss

    return run
