"""Fully connected autoencoders."""

import math
from collections.abc import Sequence

import jax
from flax import nnx

from ae_optax.lab.models._autoencoder import Autoencoder, make_autoencoder
from ae_optax.lab.models._bottleneck import Bottleneck, activated
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._layers import check_widths, dense_layers, run
from ae_optax.lab.models._looks import Activation, Looks, Squashing
from ae_optax.lab.models._model import Model


class MlpAutoencoder(Autoencoder):
    """Fully connected layers down to a code and, mirrored, up again.

    Attributes:
        encoder: Layers from the pixels to what the bottleneck takes.
        decoder: Layers from the code to the pixels.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: Sequence[int],
        code: int,
        looks: Looks,
        *,
        bottleneck: Bottleneck,
        learnt_variance: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(bottleneck, rngs, learnt_variance=learnt_variance)
        pixels, encoded = math.prod(shape), bottleneck.width * code
        self.encoder = dense_layers((pixels, *hidden, encoded), looks, rngs)
        self.decoder = dense_layers((code, *reversed(hidden), pixels), looks, rngs)
        self.looks = looks

    def encode(self, x: jax.Array) -> jax.Array:
        """Return what the bottleneck makes the codes of images (n, ...) from."""
        return run(self.encoder, x.reshape(x.shape[0], -1), self.looks.activate)

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, flat; shape (n, pixels)."""
        return self.looks.finish(run(self.decoder, code, self.looks.activate))


def mlp_autoencoder(
    hidden: Sequence[int],
    code: int,
    *,
    activation: Activation = "relu",
    code_activation: Activation = "linear",
    output: Squashing = "sigmoid",
    initializer: Initializer = "lecun_normal",
) -> Model:
    """Make an autoencoder of fully connected layers, mirrored about the code.

    ``mlp_autoencoder([512, 256], 64)`` on 28x28 images has the widths 784-512-256-64-256-512-784
    and 1,100,112 parameters. Without hidden layers, and all linear, it finds what PCA finds.

    Args:
        hidden: Widths of the hidden layers from the pixels to the code, each at least 1.
        code: Width of the code, at least 1.
        activation: Applied after every hidden layer.
        code_activation: Applied to the code.
        output: Applied to the last layer: ``"sigmoid"`` for losses that expect pixel values,
            ``"linear"`` for those that expect logits.
        initializer: How kernels start: ``"lecun_normal"``, ``"glorot_uniform"``,
            ``"he_normal"``; ``"pytorch"``, uniform within one over the root of the incoming
            connections, biases too; or ``"sparse"``, 15 standard normal connections to each unit
            (Martens, 2010). Other biases start at zero.

    Returns:
        A model of images (n, ...) of any size.

    Raises:
        ValueError: If a width is below 1 or a name is unknown.

    References:
        Hinton and Salakhutdinov, `Reducing the Dimensionality of Data with Neural Networks
        <https://doi.org/10.1126/science.1127647>`_, Science 313, 2006.
    """
    looks = Looks(activation, output, initializer)
    return make_mlp(hidden, code, looks, activated(code_activation))


def make_mlp(
    hidden: Sequence[int],
    code: int,
    looks: Looks,
    bottleneck: Bottleneck,
    *,
    learnt_variance: bool = False,
) -> Model:
    """Make a fully connected autoencoder about a bottleneck."""
    check_widths("hidden", hidden)
    parts = {"bottleneck": bottleneck, "learnt_variance": learnt_variance}
    return make_autoencoder(MlpAutoencoder, hidden, code, looks, **parts)
