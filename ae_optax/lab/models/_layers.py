"""Layers that several models are made of."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_at_least
from ae_optax.lab.models._convolution import convolve
from ae_optax.lab.models._initializers import bias_init, kernel_init
from ae_optax.lab.models._looks import Looks

KERNEL = (3, 3)


def dense(n_in: int, n_out: int, looks: Looks, rngs: nnx.Rngs) -> nnx.Linear:
    """Make a fully connected layer."""
    return nnx.Linear(n_in, n_out, **_start(looks, n_in), rngs=rngs)


def dense_layers(widths: Sequence[int], looks: Looks, rngs: nnx.Rngs) -> nnx.List:
    """Make fully connected layers of these widths, the inputs' first."""
    return nnx.List([dense(*pair, looks, rngs) for pair in itertools.pairwise(widths)])


def conv(n_in: int, n_out: int, looks: Looks, rngs: nnx.Rngs, *, stride: int = 1) -> nnx.Conv:
    """Make a 3x3 convolution that keeps the size of images, divided by ``stride``, rounded up."""
    start = _start(looks, math.prod(KERNEL) * n_in)
    return nnx.Conv(n_in, n_out, KERNEL, stride, **start, conv_general_dilated=convolve, rngs=rngs)


def check_widths(name: str, widths: Sequence[int]) -> None:
    """Raise ``ValueError`` if one of several widths is below 1."""
    for position, width in enumerate(widths):
        check_at_least(f"{name}[{position}]", width, 1)


def run(
    layers: Iterable[Callable[[Any], Any]], x: jax.Array, activation: Callable[[Any], Any]
) -> jax.Array:
    """Apply layers one after another, each but the last followed by the activation."""
    *first, last = layers
    for layer in first:
        x = activation(layer(x))
    return last(x)


def with_channels(x: jax.Array) -> jax.Array:
    """Return images (n, height, width) as (n, height, width, 1), others as they are."""
    return x[..., None] if x.ndim == 3 else x


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width that a convolution of stride 2 leaves."""
    return -(-size[0] // 2), -(-size[1] // 2)


def doubled(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Repeat every pixel of (n, h, w, c) in a 2x2 square, cut to ``size``; undoes :func:`halved`.

    Repeating pixels before a convolution leaves none of the chequered patterns of transposed
    convolutions (Odena, Dumoulin and Olah, https://doi.org/10.23915/distill.00003, 2016).
    """
    x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
    return x[:, : size[0], : size[1]]


def _start(looks, fan_in) -> dict[str, Any]:
    kernel, bias = kernel_init(looks.initializer), bias_init(looks.initializer, fan_in)
    return {"kernel_init": kernel, "bias_init": bias}
