"""Autoencoders of which few units of the code are active at a time."""

import functools
from collections.abc import Sequence

from ae_optax.lab.models._bottleneck import deterministic, keep_largest
from ae_optax.lab.models._dictionaries import check_kept
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._looks import Activation, Looks, Squashing
from ae_optax.lab.models._mlp import make_mlp
from ae_optax.lab.models._model import Model


def k_sparse_autoencoder(
    hidden: Sequence[int],
    code: int,
    *,
    k: int,
    activation: Activation = "relu",
    output: Squashing = "sigmoid",
    initializer: Initializer = "lecun_normal",
) -> Model:
    """Make a fully connected autoencoder that keeps the largest numbers of its linear code.

    All others become zero, and no gradient passes through them.

    Args:
        hidden: Widths of the hidden layers from the pixels to the code, each at least 1.
        code: Width of the code, at least 1.
        k: How many numbers of the code are kept, from 1 to ``code``.
        activation: Applied after every hidden layer.
        output: Applied to the last layer, as in :func:`mlp_autoencoder`.
        initializer: How kernels start, as in :func:`mlp_autoencoder`.

    Returns:
        A model of images (n, ...) of any size.

    Raises:
        TypeError: If ``k`` is no integer.
        ValueError: If ``k`` or a width is out of range or a name is unknown.

    References:
        Makhzani and Frey, `k-Sparse Autoencoders <https://arxiv.org/abs/1312.5663>`_, ICLR 2014.
    """
    check_kept(k, code)
    bottleneck = deterministic(functools.partial(keep_largest, k=k))
    return make_mlp(hidden, code, Looks(activation, output, initializer), bottleneck)
