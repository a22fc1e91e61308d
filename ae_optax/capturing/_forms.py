"""How rows are read from what a layer's equation takes and gives: one class for each equation."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Dense(NamedTuple):
    """A product along some axes of the inputs.

    Attributes:
        loops: How many axes of loops come before that of the examples.
        contracted: Axes of the inputs, loops aside, in the order of the kernel's axes.
        inputs_first: Whether axes of the inputs come first in the output.
    """

    loops: int
    contracted: tuple[int, ...]
    inputs_first: bool

    def rows(self, inputs, gradients):
        """See :meth:`~ae_optax.capturing.Layer.rows`."""
        free = [i for i in range(inputs.ndim - self.loops) if i not in self.contracted]
        kept = (*range(self.loops), *(self.loops + i for i in (*free, *self.contracted)))
        a = jnp.transpose(inputs, kept)
        if not self.inputs_first:
            outer, n = self.loops, gradients.ndim - len(free)
            order = (*range(outer), *range(n, gradients.ndim), *range(outer, n))
            gradients = jnp.transpose(gradients, order)
        split = self.loops + len(free)
        a, d = (x.reshape(*x.shape[:split], -1) for x in (a, gradients))
        if not free:  # One example without an axis of its own.
            a, d = (jnp.expand_dims(x, self.loops) for x in (a, d))
        return _examples_first(a, self.loops), _examples_first(d, self.loops)


class Rows(NamedTuple):
    """Inputs and gradients that are rows already."""

    def rows(self, inputs, gradients):
        """See :meth:`~ae_optax.capturing.Layer.rows`."""
        return inputs, gradients


class Lookup(NamedTuple):
    """Rows of a table: a product with unit vectors.

    Attributes:
        loops: How many axes of loops come before that of the examples.
        size: How many rows the table has.
        clipped: Whether a number that is none of a row is that of the nearest; else it is nothing.
    """

    loops: int
    size: int
    clipped: bool

    def rows(self, inputs, gradients):
        """See :meth:`~ae_optax.capturing.Layer.rows`."""
        numbers = inputs[..., 0]
        if self.clipped:
            numbers = jnp.clip(numbers, 0, self.size - 1)
        a = jax.nn.one_hot(numbers, self.size, dtype=gradients.dtype)
        d = gradients.reshape(*numbers.shape, -1)
        return _examples_first(a, self.loops), _examples_first(d, self.loops)


class Convolution(NamedTuple):
    """A convolution in one group, read as a product with patches of its inputs.

    Attributes:
        loops: How many axes of loops come before those of the equation.
        window: Spatial shape of the kernel.
        numbers: Dimension numbers of the equation: ``(lhs, rhs, out)``.
        strides: Of the window.
        padding: Of each spatial axis, (low, high).
        lhs_dilation: Of the inputs.
        rhs_dilation: Of the kernel.
        order: In which channels (0) and spatial axes (1, 2, ...) stand in the kernel.
    """

    loops: int
    window: tuple[int, ...]
    numbers: Any
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]
    order: tuple[int, ...]

    def rows(self, inputs, gradients):
        """See :meth:`~ae_optax.capturing.Layer.rows`."""
        looped = inputs.shape[: self.loops]
        x = inputs.reshape(-1, *inputs.shape[self.loops :])
        d = gradients.reshape(-1, *gradients.shape[self.loops :])
        x = jnp.transpose(x, (0, *(1 + axis for axis in self.numbers.lhs_spec)))
        d = jnp.transpose(d, (0, *(1 + axis for axis in self.numbers.out_spec)))
        patches = jax.lax.conv_general_dilated_patches(
            x.reshape(-1, *x.shape[2:]),
            self.window,
            self.strides,
            self.padding,
            lhs_dilation=self.lhs_dilation,
            rhs_dilation=self.rhs_dilation,
        )
        # Channels come first in a patch; in the kernel they stand where they stand.
        channels, positions = patches.shape[1] // math.prod(self.window), patches.shape[2:]
        a = patches.reshape(-1, channels, *self.window, math.prod(positions))
        a = jnp.transpose(a, (0, a.ndim - 1, *(1 + i for i in self.order)))
        a = a.reshape(*looped, x.shape[1], math.prod(positions), -1)
        d = jnp.swapaxes(d.reshape(*looped, *d.shape[1:3], -1), -1, -2)
        return _examples_first(a, self.loops), _examples_first(d, self.loops)


def _examples_first(x, loops):
    """Return (examples, positions, features): what is between the two, and loops, are positions."""
    x = jnp.moveaxis(x, loops, 0)
    return x.reshape(x.shape[0], -1, x.shape[-1])
