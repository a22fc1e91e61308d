"""The trainer's contenders in JAX: the package's own, a plain loop, and the matrices alone."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax
from ae_optax.lab import losses, models, training

BATCH_SIZE = 128
LEARNING_RATE = 1e-3
WIDTHS = (784, 512, 256, 64, 256, 512, 784)
CODE_LAYER = 2  # The layer whose output, the code, is linear.


def threads():
    return "XLA's choice"


def ours(images):
    """The package: an epoch is one compiled scan over images on the device."""
    model = models.mlp_autoencoder([512, 256], 64)
    optimizer = ae_optax.adam(LEARNING_RATE)
    step = training.make_step(training.Task(model, losses.mse()), optimizer)
    images = jax.device_put(images)
    state = jax.jit(lambda x: training.init_state(model, optimizer, x, 0))(images)
    epoch = jax.jit(training.make_epoch(step, BATCH_SIZE), donate_argnums=0)

    def run():
        nonlocal state
        state, _ = epoch(state, images)
        return float(state.epoch.loss)

    return run


def jax_loop(images):
    """A good tutorial: one jitted step with `optax.adam`, called for each NumPy batch."""
    images = images.reshape(len(images), -1)
    rng = np.random.default_rng(0)
    optimizer = optax.adam(LEARNING_RATE)
    params = [
        {"kernel": jnp.asarray(rng.normal(0, a**-0.5, (a, b)), jnp.float32), "bias": jnp.zeros(b)}
        for a, b in itertools.pairwise(WIDTHS)
    ]
    state = optimizer.init(params)

    def loss_of(params, x):
        out = x
        for position, layer in enumerate(params):
            out = out @ layer["kernel"] + layer["bias"]
            if position == len(params) - 1:
                out = jax.nn.sigmoid(out)
            elif position != CODE_LAYER:
                out = jax.nn.relu(out)
        return jnp.mean((out - x) ** 2)

    def step(params, state, x):
        loss, grads = jax.value_and_grad(loss_of)(params, x)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    step = jax.jit(step, donate_argnums=(0, 1))

    def run():
        nonlocal params, state
        order = rng.permutation(len(images))
        seen = []
        for start in range(0, len(images), BATCH_SIZE):
            params, state, loss = step(params, state, images[order[start : start + BATCH_SIZE]])
            seen.append(loss)
        return float(np.mean(jax.device_get(seen)))

    return run


def matmuls(images):
    """The matrix products of a step and nothing else, in a scan of as many steps.

    For each of the six layers x W and x^T dy, and for all but the first dy W^T. The last output
    is both the next step's input and the gradient that comes back, so no product is invariant;
    all x^T dy are carried, so none is dead. The matrices are rotations of a truncated identity:
    dense, and the numbers neither grow nor vanish.
    """
    steps = training.steps_per_epoch(len(images), BATCH_SIZE)
    rng = np.random.default_rng(0)
    rotations = [np.linalg.qr(rng.normal(size=(n, n)))[0] for n in WIDTHS[:-1]]
    rotations.append(rotations[0])
    kernels = [
        jnp.asarray(q @ np.eye(len(q), len(r)) @ r.T, jnp.float32)
        for q, r in itertools.pairwise(rotations)
    ]

    def step(carry, _, kernels):
        x, _ = carry
        inputs = []
        for kernel in kernels:
            inputs.append(x)
            x = x @ kernel
        dy, products = x, []
        for position, kernel in reversed(list(enumerate(kernels))):
            products.append(inputs[position].T @ dy)
            if position:
                dy = dy @ kernel.T
        return (x, products[::-1]), None

    def epoch(carry, kernels):
        return jax.lax.scan(lambda c, x: step(c, x, kernels), carry, length=steps)[0]

    carry = (jnp.asarray(images[:BATCH_SIZE].reshape(BATCH_SIZE, -1)), kernels)
    compiled = jax.jit(epoch).lower(carry, kernels).compile()
    products = sum(a * b for a, b in itertools.pairwise(WIDTHS)) * 3 - WIDTHS[0] * WIDTHS[1]
    # XLA counts the body of the scan once.
    assert compiled.cost_analysis()["flops"] >= 2 * BATCH_SIZE * products, "a product was lost"

    def run():
        nonlocal carry
        carry = jax.block_until_ready(compiled(carry, kernels))
        return float(jnp.mean(carry[0] ** 2))

    return run
