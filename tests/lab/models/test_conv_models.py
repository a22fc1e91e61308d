import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled import applied

from ae_optax.lab import models

SHAPES = [(28, 28), (8, 8), (64, 64), (64, 64, 3), (5, 7, 2)]


def images(shape, n=2):
    return np.random.default_rng(0).uniform(size=(n, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "model",
    [
        models.conv_autoencoder([3, 4], 5),
        models.conv_variational_autoencoder([3, 4], 5),
        *(models.conv_encoder_decoder([3, 4, 5], skips=skips) for skips in (0, 1, 2)),
    ],
    ids=["plain", "variational", "no skip", "shallow skip", "both skips"],
)
def test_the_output_has_the_shape_of_images_of_any_size(model, shape):
    x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)

    def run(x):
        params, state = model.init(jax.random.key(0), x)
        return models.as_output(model.apply(params, state, x, jax.random.key(1), True)[0])

    output = jax.eval_shape(run, x)
    assert output.decoded.shape == (2, *shape)


def convolve(x, layer, stride=1):
    """Convolve (h, w, c) by loops: zeros around, and the size divided by the stride, up."""
    kernel, bias = np.asarray(layer["kernel"], float), np.asarray(layer["bias"], float)
    size = [-(-n // stride) for n in x.shape[:2]]
    total = [max((m - 1) * stride + 3 - n, 0) for m, n in zip(size, x.shape[:2], strict=True)]
    padded = np.pad(x, [(t // 2, t - t // 2) for t in total] + [(0, 0)])
    out = np.zeros((*size, kernel.shape[-1]))
    for i in range(size[0]):
        for j in range(size[1]):
            window = padded[i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[i, j] = np.tensordot(window, kernel, 3) + bias
    return out


def double(x, size):
    return np.kron(x, np.ones((2, 2, 1)))[: size[0], : size[1]]


def relu(x):
    return np.maximum(x, 0)


def test_a_convolutional_autoencoder_computes_what_its_layers_say():
    model = models.conv_autoencoder([3, 4], 5, output="linear")
    x = images((5, 6))
    params, output = applied(model, x)
    encoder, decoder = params["encoder"], params["decoder"]
    h = x[0][..., None].astype(float)
    for i in (0, 1):
        h = relu(convolve(h, encoder[i], stride=2))
    assert h.shape == (2, 2, 4)
    code = h.reshape(-1) @ np.asarray(encoder[2]["kernel"]) + np.asarray(encoder[2]["bias"])
    np.testing.assert_allclose(output.code[0], code, rtol=1e-4, atol=1e-5)
    h = relu(code @ np.asarray(decoder[0]["kernel"]) + np.asarray(decoder[0]["bias"]))
    h = relu(convolve(double(h.reshape(2, 2, 4), (3, 3)), decoder[1]))
    h = convolve(double(h, (5, 6)), decoder[2])
    np.testing.assert_allclose(output.decoded[0], h[..., 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("skips", [0, 1, 2])
def test_an_encoder_decoder_computes_what_its_layers_say(skips):
    model = models.conv_encoder_decoder([2, 3, 4], skips=skips, output="linear")
    x = images((5, 6, 3))
    params, output = applied(model, x)
    assert models.as_output(output).code is None
    full = relu(convolve(x[0].astype(float), params["encoder"][0]))
    half = relu(convolve(full, params["encoder"][1], stride=2))
    h = relu(convolve(half, params["encoder"][2], stride=2))
    for layer, bridge, bridged in ((0, half, skips == 2), (1, full, skips >= 1)):
        h = double(h, bridge.shape)
        h = np.concatenate([h, bridge], axis=-1) if bridged else h
        h = relu(convolve(h, params["decoder"][layer]))
    h = convolve(h, params["decoder"][2])
    np.testing.assert_allclose(models.as_output(output).decoded[0], h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.conv_autoencoder([], 2), "`channels` must have at least 1 numbers"),
        (lambda: models.conv_autoencoder([3, 0], 2), r"`channels\[1\]` must be at least 1"),
        (lambda: models.conv_autoencoder([3], 0), "`code` must be at least 1"),
        (lambda: models.conv_autoencoder([3], 2, code_activation="x"), "`code_activation` must"),
        (lambda: models.conv_encoder_decoder([3]), "`channels` must have at least 2 numbers"),
        (lambda: models.conv_encoder_decoder([3, 4]), "`skips` must be at most 1, one less"),
        (lambda: models.conv_encoder_decoder([3, 4], skips=-1), "`skips` must be at least 0"),
        (lambda: models.conv_encoder_decoder([3, 4, 5], output="x"), "`output` must be one of"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
