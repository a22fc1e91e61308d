"""Capturing: its time beside the gradient's, and a step of what reads it beside Adam's."""

from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from alternation import in_alternation, steps

import ae_optax
from ae_optax.capturing import capture
from ae_optax.lab import losses, models, training

BATCH_SIZE = 1000
LIMIT = 1.15  # Times the gradient's own.
OPTIMIZERS = {
    "adam": lambda: ae_optax.adam(1e-3),
    "kfac": lambda: ae_optax.kfac(1e-3, damping=0.3, refresh_every=20),
    "ekfac": lambda: ae_optax.ekfac(1e-3, damping=0.3, refresh_every=20),
    "tnt": lambda: ae_optax.tnt(1e-3),
    "kbfgs": lambda: ae_optax.kbfgs(1e-1),
}


def measure(quick):
    """Return milliseconds of gradient and capture, and of a step of each optimizer."""
    hidden, batch = ([32], 100) if quick else ([1000, 500, 250], BATCH_SIZE)
    repetitions = 2 if quick else 20
    model = models.mlp_autoencoder(hidden, 30, output="linear")
    images = np.random.default_rng(0).uniform(size=(batch, 28, 28))
    images = jnp.asarray(images, jnp.float32)
    found = {
        "batch_size": batch,
        "widths": [784, *hidden, 30],
        "repetitions": repetitions,
        "limit": LIMIT,
        "gradient": in_alternation(_gradients(model, images), repetitions),
        "step": in_alternation(_steps(model, images), repetitions),
    }
    times = found["gradient"]
    ratios = [c / g for g, c in zip(times["gradient"], times["capture"], strict=True)]
    found["ratio"] = median(ratios)
    print(f"capture: {found['ratio']:.3f} times the gradient", flush=True)
    return found


def _gradients(model, images):
    """Return what computes the gradient, and what hands out the layers beside it."""
    state = training.init_state(model, ae_optax.identity(), images, 0)
    loss = losses.bce_sum()

    def of_batch(params, images):
        output, _ = model.apply(params, state.model_state, images, state.key, True)
        return loss(losses.Seen(output, images, params, state.step))

    plain, captured = jax.jit(jax.value_and_grad(of_batch)), jax.jit(capture(of_batch))
    return {
        "gradient": lambda: plain(state.params, images),
        "capture": lambda: captured(state.params, images),
    }


def _steps(model, images):
    """Return for every optimizer what takes one more step."""
    task = training.Task(model, losses.bce_sum())
    return {name: steps(task, make(), images) for name, make in OPTIMIZERS.items()}
