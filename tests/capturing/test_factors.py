"""The factors of a layer's curvature, against Fisher matrices made example by example."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.capturing import capture

N = 7


pytestmark = pytest.mark.usefixtures("x64")


def random(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def net(params, x):
    hidden = jnp.tanh(x @ params["w"] + params["b"][None])
    return hidden @ params["v"] + params["c"][None]


def loss(params, x, y):
    """Half the squared error: the likelihood of a Gaussian of variance one."""
    return 0.5 * jnp.mean(jnp.sum((net(params, x) - y) ** 2, 1))


PARAMS = {
    "w": random(4, 3, seed=0),
    "b": random(3, seed=1),
    "v": random(3, 2, seed=2),
    "c": random(2, seed=3),
}
X, Y = random(N, 4, seed=4), random(N, 2, seed=5)


def layers_of(loss, *arguments):
    return capture(loss)(*arguments)[2].uses


def of_examples(loss, params, *arrays):
    """Return the gradient of every example, joined: shape (N, inputs, outputs) for each layer."""
    each = (jnp.asarray(x)[:, None] for x in arrays)
    return jax.vmap(jax.grad(loss), (None, *[0] * len(arrays)))(params, *each)


def test_of_one_example_their_product_is_the_fisher_matrix():
    for n in range(2):
        x, y = X[n : n + 1], Y[n : n + 1]
        gradients = jax.grad(loss)(PARAMS, x, y)
        for layer, names in zip(layers_of(loss, PARAMS, x, y), ("wb", "vc"), strict=True):
            kernel, bias = (gradients[name] for name in names)
            flat = layer.join(kernel, bias).reshape(-1)
            inputs, outputs = layer.expanded()
            np.testing.assert_allclose(np.kron(inputs, outputs), np.outer(flat, flat), rtol=1e-10)


def test_of_a_linear_model_their_product_is_its_fisher_matrix():
    # Over all targets that the model may draw, y = f(x) + noise: the outputs' factor is a mean.
    linear = {"v": random(4, 2, seed=6), "c": random(2, seed=7)}

    def loss(params, x, noise):
        out = x @ params["v"] + params["c"][None]
        target = jax.lax.stop_gradient(out) + noise
        return 0.5 * jnp.mean(jnp.sum((out - target) ** 2, 1))

    noises = np.sqrt(2) * np.concatenate([np.eye(2), -np.eye(2)])  # Mean 0, covariance one.
    fisher, outputs = 0, 0
    for noise in noises:
        drawn = np.tile(noise, (N, 1))
        (layer,) = layers_of(loss, linear, X, drawn)
        alone = of_examples(loss, linear, X, drawn)
        flat = np.stack(
            [layer.join(k, b).reshape(-1) for k, b in zip(alone["v"], alone["c"], strict=True)]
        )
        fisher += flat.T @ flat / N / len(noises)
        inputs, drawn_outputs = layer.expanded()
        outputs += drawn_outputs / len(noises)
    np.testing.assert_allclose(np.kron(inputs, outputs), fisher, rtol=1e-10, atol=1e-12)


def test_they_are_means_over_examples():
    hidden = np.tanh(X @ PARAMS["w"] + PARAMS["b"])
    errors = hidden @ PARAMS["v"] + PARAMS["c"] - Y
    first, second = layers_of(loss, PARAMS, X, Y)
    ones = np.ones((N, 1))
    back = (errors @ PARAMS["v"].T) * (1 - hidden**2)
    for layer, a, d in ((first, X, back), (second, hidden, errors)):
        a = np.concatenate([a, ones], 1)
        inputs, outputs = layer.expanded()
        np.testing.assert_allclose(inputs, a.T @ a / N, rtol=1e-10)
        np.testing.assert_allclose(outputs, d.T @ d / N, rtol=1e-10)
        np.testing.assert_allclose(layer.reduced().inputs, inputs, rtol=1e-12)
        np.testing.assert_allclose(layer.reduced().outputs, outputs, rtol=1e-12)


CONV = nn.Conv(3, (2, 3), padding="VALID", param_dtype=jnp.float64)
IMAGES = random(N, 4, 5, 2, seed=8)


def conv_loss(params, x):
    return jnp.mean(jnp.sum(jnp.tanh(CONV.apply(params, x)), (1, 2, 3)))


def test_of_a_convolution_positions_are_examples_or_are_summed_up():
    params = CONV.init(jax.random.key(0), IMAGES)
    (layer,) = layers_of(conv_loss, params, IMAGES)
    # By hand: a patch of the images for each position, its columns by row, column and channel.
    places = [(i, j) for i in range(3) for j in range(3)]
    patches = np.stack([IMAGES[:, i : i + 2, j : j + 3] for i, j in places], 1)
    a = patches.reshape(N, 9, -1)
    a = np.concatenate([a, np.ones((N, 9, 1))], 2)
    outputs = np.asarray(CONV.apply(params, IMAGES)).reshape(N, 9, 3)
    d = 1 - np.tanh(outputs) ** 2  # Of one example's own loss.
    expanded, reduced = layer.expanded(), layer.reduced()
    np.testing.assert_allclose(
        expanded.inputs, np.einsum("npi,npj->ij", a, a) / (9 * N), rtol=1e-10
    )
    np.testing.assert_allclose(expanded.outputs, np.einsum("npi,npj->ij", d, d) / N, rtol=1e-10)
    mean, total = a.mean(1), d.sum(1)
    np.testing.assert_allclose(reduced.inputs, mean.T @ mean / N, rtol=1e-10)
    np.testing.assert_allclose(reduced.outputs, total.T @ total / N, rtol=1e-10)


def test_squares_in_a_basis_are_those_of_each_examples_gradient():
    first, _ = layers_of(loss, PARAMS, X, Y)
    alone = of_examples(loss, PARAMS, X, Y)
    left = np.linalg.qr(random(5, 5, seed=9))[0]
    right = np.linalg.qr(random(3, 3, seed=10))[0]
    rotated = [
        left.T @ np.asarray(first.join(k, b)) @ right
        for k, b in zip(alone["w"], alone["b"], strict=True)
    ]
    expected = np.mean(np.square(rotated), 0)
    np.testing.assert_allclose(first.rotated_squares(left, right), expected, rtol=1e-10)


@pytest.mark.parametrize("case", ["dense", "convolution"])
def test_grams_are_those_of_the_gradient(case):
    if case == "dense":
        params, arguments, f, names = PARAMS, (X, Y), loss, ("w", "b")
    else:
        params, arguments, f, names = (
            CONV.init(jax.random.key(0), IMAGES),
            (IMAGES,),
            conv_loss,
            None,
        )
    _, grads, layers = capture(f)(params, *arguments)
    leaves = grads if names else grads["params"]
    kernel, bias = (leaves[name] for name in names or ("kernel", "bias"))
    gradient = layers.uses[0].join(kernel, bias)
    grams = layers.uses[0].grams()
    np.testing.assert_allclose(grams.inputs, gradient @ gradient.T, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(grams.outputs, gradient.T @ gradient, rtol=1e-10, atol=1e-14)
