"""Fully connected autoencoders."""

import math
from collections.abc import Callable, Sequence

import jax
from flax import nnx

from ae_optax.lab.models._activations import ACTIVATIONS, Activation, Squashing, check_known
from ae_optax.lab.models._autoencoder import Autoencoder
from ae_optax.lab.models._bottleneck import Bottleneck, deterministic
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._layers import dense_layers, run
from ae_optax.lab.models._make import check_widths, make_autoencoder
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
        *,
        activation: Callable[[jax.Array], jax.Array],
        output: Callable[[jax.Array], jax.Array],
        initializer: Initializer,
        bottleneck: Bottleneck,
        encoded: int,
        learnt_variance: bool = False,
        rngs: nnx.Rngs,
    ):
        super().__init__(bottleneck, learnt_variance=learnt_variance)
        pixels = math.prod(shape)
        self.encoder = dense_layers((pixels, *hidden, encoded), initializer, rngs)
        self.decoder = dense_layers((code, *reversed(hidden), pixels), initializer, rngs)
        self.activation = activation
        self.output = output

    def encode(self, x: jax.Array) -> jax.Array:
        """Return what the bottleneck makes the codes of images (n, ...) from."""
        return run(self.encoder, x.reshape(x.shape[0], -1), self.activation)

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, flat; shape (n, pixels)."""
        return self.output(run(self.decoder, code, self.activation))


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
    check_known("code_activation", code_activation, Activation)
    return make_mlp(
        hidden,
        code,
        activation,
        output,
        initializer,
        lambda _: deterministic(ACTIVATIONS[code_activation]),
    )


def make_mlp(
    hidden: Sequence[int],
    code: int,
    activation: Activation,
    output: Squashing,
    initializer: Initializer,
    make_bottleneck: Callable[[nnx.Rngs], Bottleneck],
    *,
    encoded: int | None = None,
    learnt_variance: bool = False,
) -> Model:
    """Make a fully connected autoencoder with a bottleneck that takes ``encoded`` numbers."""
    check_widths("hidden", hidden)
    return make_autoencoder(
        MlpAutoencoder,
        hidden,
        code,
        activation,
        output,
        initializer,
        make_bottleneck,
        encoded=encoded,
        learnt_variance=learnt_variance,
    )
