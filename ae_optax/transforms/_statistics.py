"""What is learned of the gradients of a block: a symmetric matrix for each axis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._checks import check_in_unit_interval, check_non_negative, check_positive
from ae_optax._matrices._products import Factors, into_basis, scale_axis
from ae_optax._matrices._products import gram as gram_of
from ae_optax._numbers import in_range, one_minus_power, scalar
from ae_optax._piece import Piece
from ae_optax._types import Scalar
from ae_optax.transforms._parts import identity_matrices, one_each


class Seen(NamedTuple):
    """A gradient, as a statistic sees it.

    Attributes:
        gradient: A block, shape (B, d1, ..., dk), in at least float32.
        bases: In force, one for each axis, shape (B, d, d); ``None`` for the identity.
        rotated: The gradient in these bases.
        count: Its number, the first being 1.
        layer: The record of the block's layer, if the statistic asks for it.
    """

    gradient: jax.Array
    bases: Factors
    rotated: jax.Array
    count: jax.Array
    layer: Any = None


class Statistic(Piece):
    """What is learned of the gradients of a block, an array of shape (B, d1, ..., dk).

    Attributes:
        needs: The extra argument of ``update`` whose records it reads, ``"layers"`` for instance.
        learns_first: Whether a basis is of the gradient that it is used for, too.
    """

    needs: str | None = None
    learns_first = False

    def start(self, block: jax.Array, covered: Sequence[bool]) -> Any:
        """Return what is known before the first gradient, of the axes that are covered: zeros."""
        return _scaled_identities(block, covered, 0.0)

    def places(self, covered: Sequence[bool]) -> Any:
        """Return a nest like what is known of a block."""
        return one_each(covered)

    def learn(self, kept: Any, seen: Seen) -> Any:
        """Return what is known after one more gradient."""
        raise NotImplementedError

    def matrices(self, kept: Any) -> tuple[jax.Array | None, ...]:
        """Return a matrix for each axis, shape (B, d, d); ``None`` for one not covered."""
        return kept

    def tell(self, kept: Any, seen: Seen) -> Mapping[str, jax.Array]:
        """Return what the inside of a basis is told, by name, each of the shape of the block."""
        del kept, seen
        return {}


@dataclass(frozen=True, repr=False)
class Gram(Statistic):
    """See :func:`gram`."""

    decay: Scalar
    initial: Scalar = 0.0

    def start(self, block, covered):
        return _scaled_identities(block, covered, self.initial)

    def learn(self, kept, seen):
        x = seen.gradient
        rho = scalar(self.decay, x)
        return _each(kept, lambda axis, a: rho * a + (1 - rho) * _gram(x, axis))


def gram(decay: Scalar, *, initial: Scalar = 0.0) -> Statistic:
    r"""Average the gradient's products with itself over all axes but one.

    Of a matrix :math:`G`, from :math:`L_0 = R_0 = \lambda I`,

    .. math::

        L_t &= \rho\, L_{t-1} + (1 - \rho)\, G_t G_t^\top \\
        R_t &= \rho\, R_{t-1} + (1 - \rho)\, G_t^\top G_t

    and likewise for each axis of a tensor. The average is biased towards its start, which a basis
    does not notice.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        initial: :math:`\lambda \ge 0`, in units of the gradient squared.

    Returns:
        A statistic for :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``initial`` negative.
        TypeError: If one of them is not a number.

    References:
        Gupta, Koren and Singer, `Shampoo: Preconditioned Stochastic Tensor Optimization
        <https://arxiv.org/abs/1802.09568>`_, ICML 2018.
    """
    check_in_unit_interval("decay", decay)
    check_non_negative("initial", initial)
    return Gram(decay, initial)


@dataclass(frozen=True, repr=False)
class GramSum(Statistic):
    """See :func:`gram_sum`."""

    initial: Scalar = 0.0

    def start(self, block, covered):
        return _scaled_identities(block, covered, self.initial)

    def learn(self, kept, seen):
        return _each(kept, lambda axis, a: in_range(a + _gram(seen.gradient, axis)))


def gram_sum(*, initial: Scalar = 0.0) -> Statistic:
    r"""Sum the gradient's products with itself over all axes but one.

    Of a matrix, from :math:`L_0 = \lambda I`, :math:`L_t = L_{t-1} + G_t G_t^\top`, and likewise
    for every other axis.

    Args:
        initial: :math:`\lambda \ge 0`, in units of the gradient squared.

    Returns:
        A statistic for :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``initial`` is negative.
        TypeError: If it is not a number.

    References:
        Gupta, Koren and Singer, `Shampoo: Preconditioned Stochastic Tensor Optimization
        <https://arxiv.org/abs/1802.09568>`_, ICML 2018.
    """
    check_non_negative("initial", initial)
    return GramSum(initial)


@dataclass(frozen=True, repr=False)
class DebiasedGram(Statistic):
    """See :func:`debiased_gram`."""

    decay: Scalar

    def learn(self, kept, seen):
        new = share_of_newest(self.decay, seen)
        return _each(kept, lambda axis, a: a + new * (_gram(seen.gradient, axis) - a))


def debiased_gram(decay: Scalar) -> Statistic:
    r"""Average as :func:`gram` does, the start at zero left out of the average.

    .. math::

        \hat L_t = \frac{1 - \rho}{1 - \rho^t} \sum_{i=1}^t \rho^{t-i}\, G_i G_i^\top

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.

    Returns:
        A statistic for :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``decay`` is outside [0, 1).
        TypeError: If it is not a number.

    References:
        Shi et al., `A Distributed Data-Parallel PyTorch Implementation of the Distributed Shampoo
        Optimizer for Training Neural Networks At-Scale <https://arxiv.org/abs/2309.06497>`_, 2023.
    """
    check_in_unit_interval("decay", decay)
    return DebiasedGram(decay)


@dataclass(frozen=True, repr=False)
class KlGram(Statistic):
    """See :func:`kl_gram`."""

    decay: Scalar
    guess: Scalar = 0.1
    largest: Scalar = 4000.0

    def start(self, block, covered):
        scale = jnp.asarray(self.guess).astype(block.dtype) ** -0.5
        return tuple(
            None if a is None else (a, jnp.zeros_like(a[..., 0]) + scale)
            for a in _scaled_identities(block, covered, 0.0)
        )

    def learn(self, kept, seen):
        x, first = seen.gradient, seen.count == 1
        rho = scalar(self.decay, x)

        def weighed(y, axis, at_first):
            for i, own in enumerate(kept):
                if i != axis and own is not None:
                    _, scale = own
                    y = scale_axis(y, i, jnp.where(at_first, jnp.ones_like(scale), scale))
            return y

        def step(axis, own):
            matrix, scale = own
            size = math.prod(x.shape[1:]) // max(x.shape[axis + 1], 1)
            others = [q if i != axis else None for i, q in enumerate(seen.bases)]
            new = _gram(weighed(into_basis(x, others), axis, first), axis) / size
            squares = jnp.square(weighed(seen.rotated, axis, False))
            values = jnp.mean(squares, [i for i in range(1, x.ndim) if i != axis + 1])
            bound = jnp.maximum(10, jnp.minimum(x.shape[axis + 1], scalar(self.largest, x)))
            followed = (rho / scale**2 + (1 - rho) * values) ** -0.5
            followed = jnp.where(first, scale, jnp.minimum(followed, bound.astype(x.dtype)))
            return rho * matrix + (1 - rho) * new, followed

        return _each(kept, step)

    def places(self, covered):
        return tuple((0, 0) if on else None for on in covered)

    def matrices(self, kept):
        return tuple(None if own is None else own[0] for own in kept)

    def tell(self, kept, seen):
        total = jnp.ones_like(seen.gradient)
        for axis, own in enumerate(kept):
            total = total if own is None else scale_axis(total, axis, own[1])
        return {"scales": total}


def kl_gram(decay: Scalar, *, guess: Scalar = 0.1, largest: Scalar = 4000.0) -> Statistic:
    r"""Average the gradient's products with itself, whitened along the other axes.

    Of an (m, n) matrix, with bases :math:`Q_L, Q_R` and, for the inverse roots of eigenvalues in
    them, :math:`s_L, s_R`, all of before this gradient,

    .. math::

        L_t &= \rho\, L_{t-1} + \tfrac{1 - \rho}{n}\, X X^\top, \qquad
            X = G_t\, Q_R\, \mathrm{diag}(s_R) \\
        s_L^{-2} &\leftarrow \rho\, s_L^{-2} + (1 - \rho)\, l, \qquad
            l = \mathrm{mean}_{\text{columns}} (Q_L^\top X)^2

    and alike for :math:`R` and :math:`s_R`, and for each axis of a tensor. The Kronecker product of
    the two is then nearest, by Kullback-Leibler divergence of Gaussians, to the covariance of the
    gradient. At the first gradient :math:`X = G`, and :math:`s` stays as it was. From the second on
    no :math:`s` of an axis of length :math:`d` is larger than
    :math:`\max(10, \min(d, s_{\max}))`.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        guess: Every eigenvalue at first, positive, in units of the gradient.
        largest: :math:`s_{\max} > 0`; less than 10 counts as 10.

    Returns:
        A statistic for :func:`in_basis`; :func:`whiten` divides by what it knows.

    Raises:
        ValueError: If ``decay`` is outside [0, 1), or ``guess`` or ``largest`` not positive.
        TypeError: If one of them is not a number.

    References:
        Lin et al., `Understanding and improving Shampoo and SOAP via Kullback-Leibler Minimization
        <https://arxiv.org/abs/2509.03378>`_, 2025.
    """
    check_in_unit_interval("decay", decay)
    check_positive("guess", guess)
    check_positive("largest", largest)
    return KlGram(decay, guess, largest)


class Wrapped(Statistic):
    """A statistic that is another's, but for what a subclass says."""

    def __init__(self, statistic: Statistic):
        self.statistic, self.needs = statistic, statistic.needs
        self.learns_first = statistic.learns_first

    def start(self, block, covered):
        """See :class:`Statistic`, like the others."""
        return self.statistic.start(block, covered)

    def places(self, covered):
        """Return a nest like what is known of a block."""
        return self.statistic.places(covered)

    def learn(self, kept, seen):
        """Return what is known after one more gradient."""
        return self.statistic.learn(kept, seen)

    def tell(self, kept, seen):
        """Return what the inside of a basis is told."""
        return self.statistic.tell(kept, seen)

    def matrices(self, kept):
        """Return the matrices."""
        return self.statistic.matrices(kept)


def share_of_newest(decay: Scalar, seen: Seen) -> jax.Array:
    """Return what the newest weighs in an average whose start is left out."""
    x = seen.gradient
    return (1 - scalar(decay, x)) / one_minus_power(decay, seen.count, x).astype(x.dtype)


def _scaled_identities(block, covered, factor):
    """Return a multiple of the identity for each axis that is covered."""
    factor = jnp.asarray(factor).astype(block.dtype)
    return jax.tree.map(lambda a: factor * a, identity_matrices(block, covered))


def _gram(x, axis):
    """Return the products of ``x`` with itself, no number of it so large that none could hold them.

    What is infinite stays so: it is not hidden.
    """
    return gram_of(squarable(x, math.prod(x.shape[1:])), axis)


def squarable(x: jax.Array, terms: int) -> jax.Array:
    """Return ``x``, no number so large that a sum of so many squares could not be held."""
    largest = (float(jnp.finfo(x.dtype).max) / max(terms, 1)) ** 0.5
    return jnp.where(jnp.isfinite(x), jnp.clip(x, -largest, largest), x)


def _each(kept, step):
    return tuple(None if own is None else step(axis, own) for axis, own in enumerate(kept))
