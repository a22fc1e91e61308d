"""What is learned of a layer: from its inputs and the gradients of its outputs."""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from ae_optax._checks import check_in_unit_interval, check_one_of
from ae_optax._matrices._products import product
from ae_optax._numbers import scalar
from ae_optax._piece import check_piece
from ae_optax._types import Scalar
from ae_optax.transforms._parts import bounded
from ae_optax.transforms._statistics import Statistic, Wrapped, share_of_newest, squarable

Positions = Literal["expand", "reduce"]


@dataclass(frozen=True, repr=False)
class EmpiricalFactors(Statistic):
    """See :func:`empirical_factors`."""

    needs = "layers"
    learns_first = True

    decay: Scalar
    positions: Positions = "expand"

    def learn(self, kept, seen):
        if seen.layer is None:
            return kept
        a, d, n = rows_of_layer(seen.layer, seen.gradient, self.positions)
        rows = n * a.shape[1]
        a, d = _flat(a), _flat(d)
        new = (product(a.T, a)[None] / rows, n * product(d.T, d)[None])
        return _toward(kept, new, share_of_newest(self.decay, seen))

    def tell(self, kept, seen):
        if seen.layer is None:
            return {name: jnp.ones_like(seen.gradient) for name in ("eigenvalues", "squares")}
        a, d, n = rows_of_layer(seen.layer, seen.gradient, self.positions)
        left, right = (
            jnp.ones((1, side), seen.gradient.dtype)
            if matrix is None or q is None
            else _variances(matrix, q)
            for matrix, q, side in zip(kept, seen.bases, seen.gradient.shape[1:], strict=True)
        )
        a, d = (
            x if q is None else product(x, q[0]) for x, q in zip((a, d), seen.bases, strict=True)
        )
        a, d = _flat(a), _flat(d)
        squares = n * product((a * a).T, d * d)
        return {
            "eigenvalues": left[:, :, None] * right[:, None, :],
            "squares": bounded(squares[None]),
        }


def empirical_factors(decay: Scalar, *, positions: Positions = "expand") -> Statistic:
    r"""Average the factors of a layer's empirical Fisher matrix.

    Of a layer with inputs :math:`a_n`, a one for the bias behind them, and gradients
    :math:`\delta_n` of its outputs, of one example's own loss each,

    .. math::

        A_t = \operatorname{avg}_\rho\Big(\tfrac1N \sum_n a_n a_n^\top\Big), \qquad
        S_t = \operatorname{avg}_\rho\Big(\tfrac1N \sum_n \delta_n \delta_n^\top\Big)

    averages whose start at zero is left out of them. The gradients are those of the loss: where the
    model fits its targets they vanish, and the factors are no curvature any more;
    :func:`fisher_factors` are.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        positions: Of a layer that is applied at many positions of an example, a convolution:
            ``"expand"`` takes each for an example of its own, ``"reduce"`` takes the mean of their
            inputs and the sum of their gradients. With one position they are the same.

    Returns:
        A statistic for :func:`precondition` and :func:`in_basis`, inside :func:`for_layers`.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``positions`` another word.
        TypeError: If ``decay`` is not a number.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, ICML 2015.

        Eschenhagen et al., `Kronecker-Factored Approximate Curvature for Modern Neural Network
        Architectures <https://arxiv.org/abs/2311.00636>`_, NeurIPS 2023, for positions.
    """
    check_in_unit_interval("decay", decay)
    check_one_of("positions", positions, ("expand", "reduce"))
    return EmpiricalFactors(decay, positions)


@dataclass(frozen=True, repr=False)
class FisherFactors(EmpiricalFactors):
    """See :func:`fisher_factors`."""

    needs = "sampled_layers"


def fisher_factors(decay: Scalar, *, positions: Positions = "expand") -> Statistic:
    r"""Average the factors of a layer's Fisher matrix.

    As :func:`empirical_factors`, with the gradients of targets that are drawn from the model's own
    distribution at every step; of one linear layer :math:`A \otimes S` is then its Fisher matrix.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        positions: As in :func:`empirical_factors`.

    Returns:
        A statistic for :func:`precondition` and :func:`in_basis`, inside :func:`for_layers`.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``positions`` another word.
        TypeError: If ``decay`` is not a number.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, ICML 2015.
    """
    check_in_unit_interval("decay", decay)
    check_one_of("positions", positions, ("expand", "reduce"))
    return FisherFactors(decay, positions)


@dataclass(frozen=True, repr=False)
class LayerGram(Statistic):
    """See :func:`layer_gram`."""

    needs = "layers"

    decay: Scalar

    def learn(self, kept, seen):
        if seen.layer is None:
            return kept
        return _toward(kept, _grams(seen), self.share(seen))

    def share(self, seen):
        return 1 - scalar(self.decay, seen.gradient)


def layer_gram(decay: Scalar) -> Statistic:
    r"""Average the gradient's products with itself, from the rows that the gradient is made of.

    With :math:`G = X^\top D`, a row of inputs and one of output gradients for each example and
    position,

    .. math::

        G G^\top = X^\top (D D^\top) X, \qquad G^\top G = D^\top (X X^\top) D

    which is what :func:`gram` averages, to rounding, and takes fewer products where there are fewer
    rows than the kernel has of either side; where there are more the gradient is multiplied. A
    kernel alone may be such a leaf too, (inputs, outputs), without :func:`for_layers`.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.

    Returns:
        A statistic for :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If it is not a number.
    """
    check_in_unit_interval("decay", decay)
    return LayerGram(decay)


@dataclass(frozen=True, repr=False)
class SampledGram(LayerGram):
    """See :func:`sampled_gram`."""

    needs = "sampled_layers"

    def share(self, seen):
        return share_of_newest(self.decay, seen)

    def matrices(self, kept):
        left, *rest = kept
        if left is None:
            return kept
        trace = jnp.trace(left, axis1=-2, axis2=-1)[:, None, None]
        left = left / jnp.where(trace > 0, trace, jnp.ones_like(trace))
        return (left, *rest)


def sampled_gram(decay: Scalar) -> Statistic:
    r"""Average the covariance of a sampled gradient, as that of a matrix of a normal distribution.

    Of the mean gradient :math:`\hat G_t` for targets drawn from the model,

    .. math::

        L_t = \operatorname{avg}_\rho(\hat G_t \hat G_t^\top), \qquad
        R_t = \operatorname{avg}_\rho(\hat G_t^\top \hat G_t), \qquad
        \operatorname{cov}(\hat G) \approx \frac{L_t \otimes R_t}{\operatorname{tr} L_t}

    averages whose start at zero is left out of them; the matrices are :math:`L / \operatorname{tr}
    L` and :math:`R`. The product is the covariance where the gradient is a matrix-variate normal
    variable.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.

    Returns:
        A statistic for :func:`precondition`, inside :func:`for_layers`.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If it is not a number.

    References:
        Ren and Goldfarb, `Tensor Normal Training for Deep Learning Models
        <https://arxiv.org/abs/2106.02925>`_, NeurIPS 2021.
    """
    check_in_unit_interval("decay", decay)
    return SampledGram(decay)


class Balanced(Wrapped):
    """See :func:`balanced`."""

    def __repr__(self) -> str:
        """Return the call."""
        return f"balanced({self.statistic!r})"

    def matrices(self, kept):
        """Return the matrices, all of one mean eigenvalue."""
        matrices = self.statistic.matrices(kept)
        logs = [None if a is None else _log_mean(a) for a in matrices]
        known = [log for log in logs if log is not None]
        joint = sum(known) / max(len(known), 1)
        return tuple(
            a if a is None or log is None else a * jnp.exp(joint - log)
            for a, log in zip(matrices, logs, strict=True)
        )


def balanced(statistic: Statistic) -> Statistic:
    r"""Scale the matrices of a statistic so that all have one mean eigenvalue.

    Their Kronecker product stays what it is. Of two, with :math:`c_A = \operatorname{tr} A /
    \dim A`,

    .. math::

        A \leftarrow \sqrt{c_S / c_A}\; A, \qquad S \leftarrow \sqrt{c_A / c_S}\; S

    so that a multiple of the identity, added to both, weighs as much on one side as on the other:
    K-FAC's :math:`\pi`. Where one of them is zero nothing is scaled.

    Args:
        statistic: One with a matrix for each side, :func:`fisher_factors` for instance.

    Returns:
        A statistic for :func:`precondition`.

    Raises:
        TypeError: If ``statistic`` is none.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, section 6.3, ICML 2015.
    """
    check_piece("statistic", statistic, Statistic)
    return Balanced(statistic)


def _log_mean(a):
    """Return the logarithm of the mean eigenvalue, 0 for that of a matrix without one."""
    mean = jnp.mean(jnp.diagonal(a, axis1=-2, axis2=-1), -1)[:, None, None]
    known = (mean > 0) & jnp.isfinite(mean)
    return jnp.log(jnp.where(known, mean, jnp.ones_like(mean)))


def rows_of_layer(
    layer: Any, block: jax.Array, positions: Positions = "expand"
) -> tuple[jax.Array, jax.Array, Any]:
    """Return inputs and output gradients, (N, P, side) each in the dtype of the block, and N."""
    if layer.in_axes != (0,) or len(layer.shape) != 2 or block.shape[0] != 1 or block.ndim != 3:
        raise ValueError(
            f"`layers` must hold {layer.kernel} as a matrix (inputs, outputs) in one block: put "
            "what reads them inside `for_layers`, with a view that cuts nothing."
        )
    # So that neither their products nor what a basis makes of them is more than can be held.
    rows = (x.astype(block.dtype) for x in layer.rows())
    a, d = (squarable(x, 4 * x.size * len(x) * x.shape[-1]) for x in rows)
    a = a[..., : block.shape[1]]  # Not the ones, where the leaf is the kernel without its bias.
    n = layer.examples
    if positions == "reduce":
        a, d = a.mean(1, keepdims=True), d.sum(1, keepdims=True)
    return a, d, n if isinstance(n, int) else n.astype(block.dtype)


def _variances(matrix, basis):
    """Return the diagonal of a matrix in a basis, shape (1, side)."""
    return jnp.maximum(jnp.sum(basis * product(matrix, basis), -2), 0)


def _flat(x):
    return x.reshape(-1, x.shape[-1])


def _grams(seen):
    """Return the products of the gradient with itself, (1, side, side) each, by the shorter way."""
    a, d, _ = rows_of_layer(seen.layer, seen.gradient)
    a, d = _flat(a), _flat(d)
    if len(a) < min(a.shape[1], d.shape[1]):
        left = product(product(a.T, product(d, d.T)), a)
        return left[None], product(product(d.T, product(a, a.T)), d)[None]
    g = product(a.T, d)
    return product(g, g.T)[None], product(g.T, g)[None]


def _toward(kept, new, weight):
    return tuple(
        None if old is None else old + weight * (x - old) for old, x in zip(kept, new, strict=True)
    )
