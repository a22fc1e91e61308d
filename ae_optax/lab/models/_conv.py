"""Convolutional autoencoders."""

import itertools
import math
from collections.abc import Sequence

import jax
from flax import nnx

from ae_optax._checks import check_have_height_and_width
from ae_optax.lab.models._autoencoder import Autoencoder, make_autoencoder
from ae_optax.lab.models._bottleneck import Bottleneck, activated
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._layers import (
    check_widths,
    conv,
    dense,
    doubled,
    halved,
    run,
    with_channels,
)
from ae_optax.lab.models._looks import Activation, Looks, Squashing
from ae_optax.lab.models._model import Model


class ConvAutoencoder(Autoencoder):
    """Convolutions that halve the image, a code, and convolutions that double it again.

    Attributes:
        encoder: Convolutions, and a fully connected layer to what the bottleneck takes.
        decoder: A fully connected layer from the code, and convolutions.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        channels: Sequence[int],
        code: int,
        looks: Looks,
        *,
        bottleneck: Bottleneck,
        learnt_variance: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(bottleneck, rngs, learnt_variance=learnt_variance)
        check_have_height_and_width("`model`", 1 + len(shape))
        first = shape[2] if len(shape) == 3 else 1
        sizes = [(shape[0], shape[1])]
        for _ in channels:
            sizes.append(halved(sizes[-1]))
        depths = (first, *channels)
        flat = math.prod(sizes[-1]) * depths[-1]
        down = [conv(*pair, looks, rngs, stride=2) for pair in itertools.pairwise(depths)]
        self.encoder = nnx.List([*down, dense(flat, bottleneck.width * code, looks, rngs)])
        up = itertools.pairwise(depths[::-1])
        opening = dense(code, flat, looks, rngs)
        self.decoder = nnx.List([opening, *(conv(*pair, looks, rngs) for pair in up)])
        self.sizes = tuple(sizes)
        self.looks = looks

    def encode(self, x: jax.Array) -> jax.Array:
        """Return what the bottleneck makes the codes of images from."""
        *convolutions, last = self.encoder
        x = with_channels(x)
        for layer in convolutions:
            x = self.looks.activate(layer(x))
        return last(x.reshape(x.shape[0], -1))

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to; shape (n, height, width, channels)."""
        first, *convolutions = self.decoder
        *larger, smallest = self.sizes
        x = self.looks.activate(first(code)).reshape(code.shape[0], *smallest, -1)

        def up(layer, size):
            return lambda x: layer(doubled(x, size))

        layers = [up(*pair) for pair in zip(convolutions, larger[::-1], strict=True)]
        return self.looks.finish(run(layers, x, self.looks.activate))


def conv_autoencoder(
    channels: Sequence[int],
    code: int,
    *,
    activation: Activation = "relu",
    code_activation: Activation = "linear",
    output: Squashing = "sigmoid",
    initializer: Initializer = "lecun_normal",
) -> Model:
    """Make a convolutional autoencoder, mirrored about a code.

    Each 3x3 convolution halves height and width, rounded up; then a fully connected layer makes
    the code. The decoder goes back, every pixel repeated in a 2x2 square before a convolution.

    Args:
        channels: Of the convolutions from the image to the code; one at least, each at least 1.
        code: Width of the code, at least 1.
        activation: Applied after every hidden layer.
        code_activation: Applied to the code.
        output: Applied to the last layer, as in :func:`mlp_autoencoder`.
        initializer: How kernels start, as in :func:`mlp_autoencoder`.

    Returns:
        A model of images (n, height, width) or (n, height, width, channels) of any size.

    Raises:
        ValueError: If there are no channels, a width is below 1 or a name is unknown.

    References:
        Masci, Meier, Cireşan and Schmidhuber, `Stacked Convolutional Auto-Encoders for
        Hierarchical Feature Extraction <https://doi.org/10.1007/978-3-642-21735-7_7>`_,
        ICANN 2011.
    """
    looks = Looks(activation, output, initializer)
    return make_conv(channels, code, looks, activated(code_activation))


def make_conv(
    channels: Sequence[int],
    code: int,
    looks: Looks,
    bottleneck: Bottleneck,
    *,
    learnt_variance: bool = False,
) -> Model:
    """Make a convolutional autoencoder about a bottleneck."""
    check_channels(channels, 1)
    parts = {"bottleneck": bottleneck, "learnt_variance": learnt_variance}
    return make_autoencoder(ConvAutoencoder, channels, code, looks, **parts)


def check_channels(channels: Sequence[int], least: int) -> None:
    """Raise ``ValueError`` unless there are so many channels, each at least 1."""
    if len(channels) < least:
        raise ValueError(f"`channels` must have at least {least} numbers, got {channels!r}.")
    check_widths("channels", channels)
