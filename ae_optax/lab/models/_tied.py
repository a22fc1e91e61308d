"""Autoencoders whose decoder is the encoder transposed."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax.lab.models._autoencoder import Autoencoder, make_autoencoder
from ae_optax.lab.models._bottleneck import Bottleneck, activated
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._layers import check_widths, dense_layers, run
from ae_optax.lab.models._looks import Activation, Looks, Squashing
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
        looks: Looks,
        *,
        bottleneck: Bottleneck,
        rngs: nnx.Rngs,
    ):
        super().__init__(bottleneck, rngs)
        widths = (math.prod(shape), *hidden, code)
        self.encoder = dense_layers(widths, looks, rngs)
        self.decoder = nnx.List([Bias(width) for width in widths[-2::-1]])
        self.looks = looks

    def encode(self, x: jax.Array) -> jax.Array:
        """Return the codes of images (n, ...) before their activation."""
        return run(self.encoder, x.reshape(x.shape[0], -1), self.looks.activate)

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, flat; shape (n, pixels)."""

        def transposed(layer, bias):
            return lambda x: x @ layer.kernel[...].T + bias.bias[...][None]

        pairs = zip(reversed(list(self.encoder)), self.decoder, strict=True)
        layers = [transposed(layer, bias) for layer, bias in pairs]
        return self.looks.finish(run(layers, code, self.looks.activate))


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
    looks, bottleneck = Looks(activation, output, initializer), activated(code_activation)
    return make_autoencoder(TiedAutoencoder, hidden, code, looks, bottleneck=bottleneck)
