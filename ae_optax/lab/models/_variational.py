"""Variational autoencoders."""

from collections.abc import Sequence

from ae_optax.lab.models._bottleneck import SAMPLED
from ae_optax.lab.models._conv import make_conv
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._looks import Activation, Looks, Squashing
from ae_optax.lab.models._mlp import make_mlp
from ae_optax.lab.models._model import Model


def variational_autoencoder(
    hidden: Sequence[int],
    code: int,
    *,
    activation: Activation = "relu",
    output: Squashing = "linear",
    initializer: Initializer = "lecun_normal",
    learnt_variance: bool = False,
) -> Model:
    r"""Make a variational autoencoder of fully connected layers, mirrored about the code.

    The encoder gives a normal distribution for every image, and the decoder is given a draw of it:

    .. math::

        z = \mu(x) + \sigma(x)\, n, \qquad n \sim \mathcal N(0, I)

    in training and in evaluations, so that the gradient passes through :math:`\mu` and
    :math:`\sigma`. ``variational_autoencoder([400], 20)`` on 28x28 images has the widths
    784-400-20-400-784 and 652,824 parameters.

    Args:
        hidden: Widths of the hidden layers from the pixels to the code, each at least 1.
        code: Width of the code, at least 1. The encoder's last layer is twice as wide: the means,
            then the logarithms of the variances.
        activation: Applied after every hidden layer.
        output: Applied to the last layer: ``"linear"`` for logits, ``"sigmoid"`` for values.
        initializer: How kernels start, as in :func:`mlp_autoencoder`.
        learnt_variance: Whether the variance of the pixels is a parameter, one for all of them,
            1 at first; for ``gaussian_nll(variance="learnt")``.

    Returns:
        A model of images (n, ...) of any size, which tells the posterior.

    Raises:
        ValueError: If a width is below 1 or a name is unknown.

    References:
        Kingma and Welling, `Auto-Encoding Variational Bayes <https://arxiv.org/abs/1312.6114>`_,
        ICLR 2014.
    """
    looks = Looks(activation, output, initializer)
    return make_mlp(hidden, code, looks, SAMPLED, learnt_variance=learnt_variance)


def conv_variational_autoencoder(
    channels: Sequence[int],
    code: int,
    *,
    activation: Activation = "relu",
    output: Squashing = "linear",
    initializer: Initializer = "lecun_normal",
    learnt_variance: bool = False,
) -> Model:
    """Make a convolutional variational autoencoder, mirrored about the code.

    The layers of :func:`conv_autoencoder` around the draw of :func:`variational_autoencoder`.

    Args:
        channels: Of the convolutions from the image to the code; one at least, each at least 1.
        code: Width of the code, at least 1.
        activation: Applied after every hidden layer.
        output: Applied to the last layer: ``"linear"`` for logits, ``"sigmoid"`` for values.
        initializer: How kernels start, as in :func:`mlp_autoencoder`.
        learnt_variance: As in :func:`variational_autoencoder`.

    Returns:
        A model of images (n, height, width) or (n, height, width, channels) of any size, which
        tells the posterior.

    Raises:
        ValueError: If there are no channels, a width is below 1 or a name is unknown.

    References:
        Kingma and Welling, `Auto-Encoding Variational Bayes <https://arxiv.org/abs/1312.6114>`_,
        ICLR 2014.
    """
    looks = Looks(activation, output, initializer)
    return make_conv(channels, code, looks, SAMPLED, learnt_variance=learnt_variance)
