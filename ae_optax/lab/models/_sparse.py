"""Autoencoders of which few units of the code are active at a time."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_at_least, check_positive_integer
from ae_optax.lab.models._adapters import from_nnx
from ae_optax.lab.models._autoencoder import Autoencoder
from ae_optax.lab.models._bottleneck import RANGES, Bottleneck, deterministic, keep_largest
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
    _check_k(k, code)
    bottleneck = deterministic(functools.partial(keep_largest, k=k))
    return make_mlp(hidden, code, Looks(activation, output, initializer), bottleneck)


class SparseDictionary(Autoencoder):
    """One layer that finds which entries of a dictionary an input is made of.

    Attributes:
        encoder: From the input, its mean taken off, to the code.
        decoder: The dictionary: row j of its kernel is entry j; its bias is the mean.
    """

    def __init__(
        self, shape: tuple[int, ...], code: int, *, bottleneck: Bottleneck, rngs: nnx.Rngs
    ):
        super().__init__(bottleneck, rngs)
        inputs = math.prod(shape)
        entries = jax.random.normal(rngs.params(), (code, inputs))
        entries = entries / jnp.linalg.norm(entries, axis=1, keepdims=True)
        self.encoder = nnx.Linear(inputs, code, rngs=rngs)
        self.decoder = nnx.Linear(code, inputs, rngs=rngs)
        self.encoder.kernel[...] = entries.T
        self.decoder.kernel[...] = entries

    def encode(self, x: jax.Array) -> jax.Array:
        """Return the codes of inputs (n, ...) before they are made sparse."""
        assert self.decoder.bias is not None
        return self.encoder(x.reshape(x.shape[0], -1) - self.decoder.bias[...][None])

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, flat; shape (n, inputs)."""
        return self.decoder(code)


def sparse_dictionary(code: int, *, k: int | None = None) -> Model:
    r"""Make a one-layer sparse autoencoder, as used to take activations of networks apart.

    .. math::

        f &= \operatorname{TopK}(\operatorname{ReLU}(W_e (x - b) + b_e)) \\
        r &= W_d f + b

    The columns of :math:`W_d`, rows of Flax's ``decoder/kernel``, are the dictionary. They start
    as random vectors of length 1 and :math:`W_e` as :math:`W_d^\top`; keep them so with
    ``retract_to_sphere(axis=0)`` behind their optimizer, or a penalty of large codes is evaded by
    long entries.

    Args:
        code: How many entries the dictionary has, at least 1; usually more than inputs.
        k: How many are used at most for one input, from 1 to ``code``. ``None``: any number;
            sparsity is then asked for by a loss, :func:`~ae_optax.lab.losses.code_l1` for instance.

    Returns:
        A model of inputs (n, ...) of any size; its output is linear.

    Raises:
        TypeError: If ``k`` is no integer.
        ValueError: If ``code`` or ``k`` is out of range.

    References:
        Bricken et al., `Towards Monosemanticity
        <https://transformer-circuits.pub/2023/monosemantic-features>`_, 2023.

        Gao et al., `Scaling and Evaluating Sparse Autoencoders
        <https://arxiv.org/abs/2406.04093>`_, 2024.
    """
    check_at_least("code", code, 1)
    if k is not None:
        _check_k(k, code)

    def sparse(encoded):
        active = nnx.relu(encoded)
        return active if k is None else keep_largest(active, k)

    bottleneck = deterministic(sparse, RANGES["relu"])

    def build(shape, rngs):
        return SparseDictionary(shape, code, bottleneck=bottleneck, rngs=rngs)

    model = from_nnx(build, decode=SparseDictionary.decode)
    return model._replace(code_range=bottleneck.code_range)


def _check_k(k, code):
    check_positive_integer("k", k)
    if k > code:
        raise ValueError(f"`k` must be at most `code`, {code}, got {k!r}.")
