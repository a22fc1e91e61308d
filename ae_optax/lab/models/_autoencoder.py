"""What all autoencoders with a code have in common."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_at_least
from ae_optax.lab.models._adapters import from_nnx
from ae_optax.lab.models._bottleneck import Bottleneck
from ae_optax.lab.models._looks import Looks
from ae_optax.lab.models._model import Model
from ae_optax.lab.models._output import Output


class Autoencoder(nnx.Module):
    """An encoder, a bottleneck that makes a code of what it gives, and a decoder.

    Attributes:
        bottleneck: ``bottleneck(encoded) -> (code, posterior)``.
        log_variance: Logarithm of the variance of all pixels, learnt; or ``None``.
    """

    def __init__(self, bottleneck: Bottleneck, rngs: nnx.Rngs, *, learnt_variance: bool = False):
        self.bottleneck = bottleneck.make(rngs)
        self.log_variance = nnx.Param(jnp.zeros([])) if learnt_variance else None

    @abc.abstractmethod
    def encode(self, x: jax.Array) -> jax.Array:
        """Return what the bottleneck makes the codes of images (n, ...) from."""

    @abc.abstractmethod
    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, images or flat."""

    def __call__(self, x: jax.Array) -> Output:
        """Return what becomes of images (n, ...) on their way through the code."""
        code, posterior = self.bottleneck(self.encode(x))
        log_variance = None if self.log_variance is None else self.log_variance[...]
        return Output(self.decode(code).reshape(x.shape), code, posterior, log_variance)


def make_autoencoder(
    kind: Callable[..., Autoencoder],
    widths: Sequence[int],
    code: int,
    looks: Looks,
    *,
    bottleneck: Bottleneck,
    **parts: Any,
) -> Model:
    """Make ``kind(shape, widths, code, looks, bottleneck=..., rngs=rngs, **parts)`` a model."""
    check_at_least("code", code, 1)

    def build(shape, rngs):
        return kind(shape, tuple(widths), code, looks, bottleneck=bottleneck, rngs=rngs, **parts)

    model = from_nnx(build, decode=lambda module, code: module.decode(code))
    return model._replace(
        squashed=looks.squashes, code_range=bottleneck.code_range, name=kind.__name__
    )
