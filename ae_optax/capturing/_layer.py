"""The record of one use of a kernel: its inputs, its outputs' gradients, and their matrices."""

import dataclasses
import functools
import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._matrices._products import product
from ae_optax._numbers import wide_dtype, widen
from ae_optax.capturing._forms import Convolution, Dense, Lookup, Rows

STATIC: Any = {"static": True}


class Factors(NamedTuple):
    """Two symmetric matrices of a layer, whose Kronecker product is a matrix of all its numbers.

    Attributes:
        inputs: Of its inputs, a one for the bias behind them, shape (inputs, inputs).
        outputs: Of the gradients of its outputs, shape (outputs, outputs).
    """

    inputs: jax.Array
    outputs: jax.Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Layer:
    r"""One use of a kernel: :math:`s = a W` or a convolution, perhaps with a bias added.

    Attributes:
        inputs: :math:`a`, as the equation got them, of a table whose rows are looked up their
            numbers; before the example's axis those of the loops it stands in.
        output_gradients: :math:`\partial L / \partial s`, of the loss as it is: for a mean over
            N examples they hold the factor 1/N.
        kernel: Path of the kernel among the parameters, as ``jax.tree_util.keystr`` writes it; of
            Flax's variables without the ``.value``. Of what ``scan`` slices along its first axis
            every slice is a kernel, its number behind the path: ``['w'][0]``.
        bias: Path of the bias that is added to :math:`s`, or ``None``.
        shape: Of the kernel.
        in_axes: Axes of the kernel that are summed over, in order, as the columns of
            :meth:`rows` are.
        out_axes: Its other axes.
        form: How rows are read from the arrays.
        weights: Ones and zeros, shape (N,): which examples count; ``None``: all.
    """

    inputs: jax.Array
    output_gradients: jax.Array
    kernel: str = dataclasses.field(metadata=STATIC)
    bias: str | None = dataclasses.field(metadata=STATIC)
    shape: tuple[int, ...] = dataclasses.field(metadata=STATIC)
    in_axes: tuple[int, ...] = dataclasses.field(metadata=STATIC)
    out_axes: tuple[int, ...] = dataclasses.field(metadata=STATIC)
    form: Dense | Convolution | Lookup | Rows = dataclasses.field(metadata=STATIC)
    weights: jax.Array | None = None

    def rows(self) -> tuple[jax.Array, jax.Array]:
        r"""Return inputs and output gradients as matrices, an axis for examples before them.

        Returns:
            ``a`` of shape (examples, positions, inputs), with a last column of ones if there is a
            bias, and ``d`` of shape (examples, positions, outputs). The gradient of the kernel
            and the bias below it is :math:`\sum_{n, p} a_{np} d_{np}^\top`. Rows of examples that
            do not count are zero. Both have at least float32, as all that is made of them.
        """
        a, d = map(widen, self.form.rows(self.inputs, self.output_gradients))
        if self.bias is not None:
            a = jnp.concatenate([a, jnp.ones((*a.shape[:2], 1), a.dtype)], axis=2)
        if self.weights is not None:
            weights = self.weights.reshape(-1, 1, 1)
            a, d = a * weights.astype(a.dtype), d * weights.astype(d.dtype)
        return a, d

    @property
    def examples(self) -> Any:
        """How many examples count: N, a scalar of the rows' dtype if they have weights."""
        if self.weights is None:
            return jax.eval_shape(self.rows)[0].shape[0]
        return jnp.sum(self.weights.astype(wide_dtype(self.output_gradients.dtype)))

    def expanded(self) -> "Factors":
        r"""Return the factors of the curvature that take every position for an example.

        .. math::

            A = \frac{1}{N P} \sum_{n, p} a_{np} a_{np}^\top, \qquad
            S = N \sum_{n, p} d_{np} d_{np}^\top

        where the loss is a mean over N examples, so that :math:`N d` is the gradient of one's.
        :math:`A \otimes S` is nearest to the block's Fisher matrix where each position has a loss
        of its own.
        """
        a, d = self.rows()
        n, positions = self.examples, a.shape[1]
        a, d = _flat(a, d)
        return Factors(product(a.T, a) / (n * positions), n * product(d.T, d))

    def reduced(self) -> "Factors":
        r"""Return the factors of the curvature of positions that are summed up in one loss.

        .. math::

            A = \frac1N \sum_n \bar a_n \bar a_n^\top, \qquad
            S = N \sum_n \Big(\sum_p d_{np}\Big) \Big(\sum_p d_{np}\Big)^\top

        with :math:`\bar a_n` the mean over positions; for one position that of :meth:`expanded`.
        """
        a, d = self.rows()
        n, a, d = self.examples, a.mean(1), d.sum(1)
        return Factors(product(a.T, a) / n, n * product(d.T, d))

    def rotated_squares(self, inputs: jax.Array, outputs: jax.Array) -> jax.Array:
        r"""Return the mean squared gradient of an example in a basis, positions as examples.

        .. math::

            N \sum_{n, p} (Q_A^\top a_{np})^2 \big((Q_S^\top d_{np})^2\big)^\top

        Args:
            inputs: :math:`Q_A`, orthogonal, its columns the basis.
            outputs: :math:`Q_S`, likewise.
        """
        a, d = self.rows()
        n = self.examples
        a, d = _flat(product(a, inputs), product(d, outputs))
        return n * product((a * a).T, d * d)

    def grams(self) -> "Factors":
        r"""Return the products of the gradient :math:`G = X^\top D` with itself, without it.

        .. math::

            G G^\top = X^\top (D D^\top) X, \qquad G^\top G = D^\top (X X^\top) D

        with a row of X and D for each example and position: cheaper than by G where those are fewer
        than its sides. Right only where the kernel is used once.
        """
        x, d = _flat(*self.rows())
        left, right = product(x.T, product(d, d.T)), product(d.T, product(x, x.T))
        return Factors(product(left, x), product(right, d))

    def join(self, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
        """Return what is shaped like the kernel as a matrix (inputs, outputs), the bias below.

        Args:
            kernel: An array of the kernel's shape: itself, its gradient, its update.
            bias: Likewise, if the layer has one.
        """
        matrix = jnp.transpose(kernel, self._axes).reshape(self._inputs, -1)
        return matrix if bias is None else jnp.concatenate([matrix, bias.reshape(1, -1)])

    def split(self, matrix: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """Return the kernel and the bias (or ``None``) of a matrix that :meth:`join` makes."""
        axes = self._axes
        kernel = matrix[: self._inputs].reshape([self.shape[axis] for axis in axes])
        back = sorted(range(len(axes)), key=axes.__getitem__)
        return jnp.transpose(kernel, back), None if self.bias is None else matrix[self._inputs]

    @property
    def _axes(self) -> tuple[int, ...]:
        return (*self.in_axes, *self.out_axes)

    @property
    def _inputs(self) -> int:
        return math.prod(self.shape[axis] for axis in self.in_axes)


def _flat(*arrays: jax.Array) -> list[jax.Array]:
    """Return matrices with a row for each example and position."""
    return [x.reshape(-1, x.shape[-1]) for x in arrays]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Layers:
    """What :func:`capture` found: a record for each use of a kernel.

    Attributes:
        uses: The records, in the order of the program.
        left_out: What was not recognised and left out, in words; empty unless that was allowed.
    """

    uses: tuple[Layer, ...]
    left_out: tuple[str, ...] = dataclasses.field(default=(), metadata=STATIC)

    def of(self, kernel: str) -> tuple[Layer, ...]:
        """Return the uses of the kernel at a path; several if its weights are shared."""
        return tuple(layer for layer in self.uses if layer.kernel == kernel)

    def slices(self, kernel: str) -> tuple[Layer, ...]:
        """Return the uses of the slices of the kernel at a path, which ``scan`` makes."""
        return tuple(layer for layer in self.uses if layer.kernel.startswith(f"{kernel}["))

    def joint(self, kernel: str) -> Layer | None:
        """Return one record of all uses of a kernel, the positions of one behind the other's.

        Args:
            kernel: Its path.

        Returns:
            The record; ``None`` if the kernel is not used.

        Raises:
            ValueError: If the uses sum over different axes of the kernel, some have a bias and some
                have none, or some are of its slices: they are no layer with more positions.
        """
        uses = self.of(kernel)
        ways = {(use.in_axes, use.out_axes, use.bias) for use in uses}
        if len(ways) > 1 or (uses and self.slices(kernel)):
            raise ValueError(
                f"`layers` must use {kernel} alike wherever they use it, got one that sums over "
                "other axes of it, adds another bias or slices it. Give it to another optimizer "
                "with `by_path`."
            )
        if len(uses) < 2:
            return uses[0] if uses else None
        bare = [dataclasses.replace(use, bias=None, weights=None).rows() for use in uses]
        inputs, gradients = (jnp.concatenate(parts, 1) for parts in zip(*bare, strict=True))
        return dataclasses.replace(uses[0], inputs=inputs, output_gradients=gradients, form=Rows())

    def weighted(self, weights: jax.Array | None) -> "Layers":
        """Return the records with weights: ones and zeros, shape (N,), which examples count."""
        uses = tuple(dataclasses.replace(use, weights=weights) for use in self.uses)
        return dataclasses.replace(self, uses=uses)

    def example_norms(self) -> jax.Array:
        r"""Return the norm of each example's gradient in the kernels and biases found.

        .. math::

            \|G_n\|^2 = \sum_{p, q} (a_{np} \cdot a_{nq})\,(d_{np} \cdot d_{nq})

        over the positions of all uses of one kernel: no gradient of one example is ever made.

        Returns:
            Norms of shape (examples,), in units of the gradient; zero of an example that does not
            count.

        Raises:
            ValueError: If no kernel was found.
        """
        if not self.uses:
            raise ValueError(
                "`layers` must hold the use of a kernel, got none: no parameter was found."
            )
        squares = []
        for kernel in dict.fromkeys(layer.kernel for layer in self.uses):
            uses = self.of(kernel)
            squares += [_example_products(one, other) for one in uses for other in uses]
        for bias in dict.fromkeys(layer.bias for layer in self.uses if layer.bias is not None):
            gradient = sum(layer.rows()[1].sum(1) for layer in self.uses if layer.bias == bias)
            squares.append(jnp.sum(gradient * gradient, 1))
        return jnp.sqrt(functools.reduce(jnp.add, squares))


def _example_products(one: Layer, other: Layer) -> jax.Array:
    """Return each example's product of two uses' gradients in the kernel that they share."""
    (a, d), (b, e) = (dataclasses.replace(layer, bias=None).rows() for layer in (one, other))
    if one.in_axes != other.in_axes:  # The kernel is used there transposed.
        assert one.in_axes == other.out_axes
        b, e = e, b
    if a.shape[1] == b.shape[1] == 1:
        return jnp.sum(a * b, (1, 2)) * jnp.sum(d * e, (1, 2))
    products = product(a, jnp.swapaxes(b, 1, 2)) * product(d, jnp.swapaxes(e, 1, 2))
    return jnp.sum(products, (1, 2))


Unrecognised = Literal["error", "leave out"]
