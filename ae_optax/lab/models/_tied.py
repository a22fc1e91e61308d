"""Autoencoders whose decoder is the encoder transposed."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_at_least
from ae_optax.lab.models._activations import ACTIVATIONS, Activation, Squashing, check_known
from ae_optax.lab.models._adapters import from_nnx
from ae_optax.lab.models._autoencoder import Autoencoder
from ae_optax.lab.models._bottleneck import deterministic
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._layers import dense_layers, run
from ae_optax.lab.models._make import check_names, check_widths
from ae_optax.lab.models._model import Model


class Bias(nnx.Module):
    """The biases of a layer whose kernel belongs to another."""

    def __init__(self, width: int):
        self.bias = nnx.Param(jnp.zeros([width]))


class TiedAutoencoder(Autoencoder):
    """Fully connected layers down to a code, and the same kernels transposed up again.

    Attributes:
        encoder: Layers from the pixels to the code.
        decoder: Biases of the layers from the code to the pixels.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: Sequence[int],
        code: int,
        *,
        activation: Callable[[jax.Array], jax.Array],
        code_activation: Callable[[jax.Array], jax.Array],
        output: Callable[[jax.Array], jax.Array],
        initializer: Initializer,
        rngs: nnx.Rngs,
    ):
        super().__init__(deterministic(code_activation))
        widths = (math.prod(shape), *hidden, code)
        self.encoder = dense_layers(widths, initializer, rngs)
        self.decoder = nnx.List([Bias(width) for width in widths[-2::-1]])
        self.activation = activation
        self.output = output

    def encode(self, x: jax.Array) -> jax.Array:
        """Return the codes of images (n, ...) before their activation."""
        return run(self.encoder, x.reshape(x.shape[0], -1), self.activation)

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, flat; shape (n, pixels)."""

        def transposed(layer, bias):
            return lambda x: x @ layer.kernel[...].T + bias.bias[...][None]

        pairs = zip(reversed(list(self.encoder)), self.decoder, strict=True)
        layers = [transposed(layer, bias) for layer, bias in pairs]
        return self.output(run(layers, code, self.activation))


def tied_autoencoder(
    hidden: Sequence[int],
    code: int,
    *,
    activation: Activation = "relu",
    code_activation: Activation = "linear",
    output: Squashing = "sigmoid",
    initializer: Initializer = "lecun_normal",
) -> Model:
    r"""Make an autoencoder whose decoder has the kernels of its encoder, transposed.

    With one layer, :math:`r = s(W^\top f(W x + b) + c)`. Half the kernels of
    :func:`mlp_autoencoder`, and gradients that come from both places where each is used.

    Args:
        hidden: Widths of the hidden layers from the pixels to the code, each at least 1.
        code: Width of the code, at least 1.
        activation: Applied after every hidden layer.
        code_activation: Applied to the code.
        output: Applied to the last layer, as in :func:`mlp_autoencoder`.
        initializer: How kernels start, as in :func:`mlp_autoencoder`; the decoder's biases start
            at zero.

    Returns:
        A model of images (n, ...) of any size.

    Raises:
        ValueError: If a width is below 1 or a name is unknown.

    References:
        Vincent, Larochelle, Lajoie, Bengio and Manzagol, `Stacked Denoising Autoencoders
        <https://www.jmlr.org/papers/v11/vincent10a.html>`_, JMLR 11, 2010.
    """
    check_widths("hidden", hidden)
    check_at_least("code", code, 1)
    check_known("code_activation", code_activation, Activation)
    check_names(activation, output, initializer)

    def build(shape, rngs):
        return TiedAutoencoder(
            shape,
            tuple(hidden),
            code,
            activation=ACTIVATIONS[activation],
            code_activation=ACTIVATIONS[code_activation],
            output=ACTIVATIONS[output],
            initializer=initializer,
            rngs=rngs,
        )

    model = from_nnx(build, decode=TiedAutoencoder.decode)
    return model._replace(squashed=output == "sigmoid")
