"""Convolutional encoder-decoders with skip connections."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_at_least, check_have_height_and_width
from ae_optax.lab.models._adapters import from_nnx
from ae_optax.lab.models._conv import check_channels
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._layers import conv, doubled, with_channels
from ae_optax.lab.models._looks import Activation, Looks, Squashing
from ae_optax.lab.models._model import Model


class ConvEncoderDecoder(nnx.Module):
    """Convolutions down to small images and up again, with bridges between equal sizes.

    Attributes:
        encoder: The first convolution keeps the size, each other one halves it.
        decoder: Each convolution but the last follows a doubling; the last makes the image.
        skips: How many of the largest sizes have a bridge.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        channels: Sequence[int],
        looks: Looks,
        *,
        skips: int,
        rngs: nnx.Rngs,
    ):
        check_have_height_and_width("`model`", 1 + len(shape))
        first = shape[2] if len(shape) == 3 else 1
        pairs = list(itertools.pairwise((first, *channels)))
        self.encoder = nnx.List(
            [conv(*pair, looks, rngs, stride=2 if i else 1) for i, pair in enumerate(pairs)]
        )
        up = []
        for level in reversed(range(len(channels) - 1)):
            bridged = channels[level] if level < skips else 0
            up.append(conv(channels[level + 1] + bridged, channels[level], looks, rngs))
        self.decoder = nnx.List([*up, conv(channels[0], first, looks, rngs)])
        self.skips = skips
        self.looks = looks

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return what becomes of images; same shape."""
        levels = [with_channels(x)]
        for layer in self.encoder:
            levels.append(self.looks.activate(layer(levels[-1])))
        *convolutions, last = self.decoder
        _, *levels, h = levels
        for layer, level in zip(convolutions, reversed(range(len(levels))), strict=True):
            same_size = levels[level]
            h = doubled(h, (same_size.shape[1], same_size.shape[2]))
            if level < self.skips:
                h = jnp.concatenate([h, same_size], axis=-1)
            h = self.looks.activate(layer(h))
        return self.looks.finish(last(h)).reshape(x.shape)


def conv_encoder_decoder(
    channels: Sequence[int],
    *,
    skips: int = 2,
    activation: Activation = "relu",
    output: Squashing = "sigmoid",
    initializer: Initializer = "lecun_normal",
) -> Model:
    """Make a convolutional encoder-decoder with skip connections, for denoising.

    Of 3x3 convolutions the first keeps height and width and every other one halves them, rounded
    up. The decoder doubles back; where there is a skip connection, it also sees what the encoder
    had at that size, and need not carry the details through the narrow middle. With channels
    (32, 64, 128): no skips, the shallow one (at full size), or both (also at half size).

    Args:
        channels: At each size, from the full one down; two at least, each at least 1.
        skips: How many skip connections, the shallowest first: from 0 to one less than there are
            channels.
        activation: Applied after every convolution but the last.
        output: Applied to the last, as in :func:`mlp_autoencoder`.
        initializer: How kernels start, as in :func:`mlp_autoencoder`.

    Returns:
        A model of images (n, height, width) or (n, height, width, channels) of any size. It tells
        no code: what passes is no vector.

    Raises:
        ValueError: If there are too few channels or too many skips, a number of channels is below
            1 or a name unknown.

    References:
        Ronneberger, Fischer and Brox, `U-Net <https://arxiv.org/abs/1505.04597>`_, MICCAI 2015.

        Mao, Shen and Yang, `Image Restoration Using Very Deep Convolutional Encoder-Decoder
        Networks with Symmetric Skip Connections <https://arxiv.org/abs/1603.09056>`_, NIPS 2016.
    """
    check_channels(channels, 2)
    check_at_least("skips", skips, 0)
    if skips > len(channels) - 1:
        raise ValueError(
            f"`skips` must be at most {len(channels) - 1}, one less than there are channels, "
            f"got {skips!r}."
        )
    looks = Looks(activation, output, initializer)

    def build(shape, rngs):
        return ConvEncoderDecoder(shape, tuple(channels), looks, skips=skips, rngs=rngs)

    return from_nnx(build)._replace(squashed=looks.squashes, name="ConvEncoderDecoder")
