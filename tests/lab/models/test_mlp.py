import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled import applied

from ae_optax.lab import models


def test_the_reference_autoencoder_has_the_widths_it_is_named_after():
    model = models.mlp_autoencoder([512, 256], 64)
    params, state = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 28, 28)))
    parts = (params["encoder"], params["decoder"])
    shapes = [part[i]["kernel"].shape for part in parts for i in (0, 1, 2)]
    assert shapes == [(784, 512), (512, 256), (256, 64), (64, 256), (256, 512), (512, 784)]
    assert state == {}
    assert models.count_parameters(model, jnp.zeros((1, 28, 28))) == 1_100_112


def test_it_computes_what_its_layers_say():
    model = models.mlp_autoencoder([5], 2)
    x = np.random.default_rng(0).uniform(size=(3, 2, 4)).astype(np.float32)
    params, output = applied(model, x)
    h = x.reshape(3, 8).astype(float)
    layers = [params[part][i] for part in ("encoder", "decoder") for i in (0, 1)]
    for i, layer in enumerate(layers):
        h = h @ np.asarray(layer["kernel"], float) + np.asarray(layer["bias"], float)
        if i in (0, 2):
            h = np.maximum(h, 0)
    expected = 1 / (1 + np.exp(-h))
    np.testing.assert_allclose(output.decoded, expected.reshape(3, 2, 4), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": [0], "code": 2}, r"`hidden\[0\]` must be at least 1 and finite, got 0"),
        ({"hidden": [4], "code": 0}, "`code` must be at least 1 and finite, got 0"),
        ({"hidden": [], "code": 1, "output": "step"}, "`output` must be one of linear, sigmoid"),
        ({"hidden": [], "code": 1, "code_activation": "x"}, "`code_activation` must be one of"),
        ({"hidden": [], "code": 1, "initializer": "x"}, "`initializer` must be one of glorot"),
        ({"hidden": [], "code": 1, "activation": "x"}, "`activation` must be one of gelu, linear"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.mlp_autoencoder(**arguments)


ACTIVATIONS = {
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_hidden_layers_and_code_are_what_their_names_say(name):
    function = ACTIVATIONS[name]
    model = models.mlp_autoencoder([3], 2, activation=name, code_activation=name, output="linear")
    x = np.random.default_rng(0).normal(size=(4, 2, 2)).astype(np.float32)
    params, output = applied(model, x)
    h = x.reshape(4, 4).astype(float)
    for layer in (params["encoder"][i] for i in (0, 1)):
        h = function(h @ np.asarray(layer["kernel"], float) + np.asarray(layer["bias"], float))
    np.testing.assert_allclose(output.code, h, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("problem", "size", "widths", "count"),
    [
        ("mnist", 28, (784, 1000, 500, 250, 30), 2_837_314),
        ("curves", 28, (784, 400, 200, 100, 50, 25, 6), 842_340),
        ("faces", 25, (625, 2000, 1000, 500, 30), 7_537_655),
    ],
)
def test_a_classic_deep_autoencoder_has_the_widths_of_its_problem(problem, size, widths, count):
    model = models.deep_autoencoder(problem)
    images = jnp.zeros((1, size, size))
    params, _ = jax.eval_shape(model.init, jax.random.key(0), images)
    kernels = [params["encoder"][i]["kernel"].shape for i in range(len(widths) - 1)]
    assert kernels == list(itertools.pairwise(widths))
    assert models.count_parameters(model, images) == count


def test_an_unknown_classic_is_refused():
    with pytest.raises(ValueError, match="`problem` must be one of curves, faces, mnist"):
        models.deep_autoencoder("usps")
