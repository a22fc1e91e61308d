r"""How :func:`precondition` takes inverse roots of the matrices of a statistic."""

from collections.abc import Callable
from dataclasses import dataclass

import jax

from ae_optax._checks import check_positive, is_plain_number, shown
from ae_optax._matrices import _roots as roots
from ae_optax._piece import Piece
from ae_optax._types import Scalar


class Root(Piece):
    """Takes inverse roots of symmetric matrices, stacks of shape (N, d, d)."""

    def take(self, matrices: jax.Array, power: Scalar, old: jax.Array) -> jax.Array:
        r"""Return :math:`A^{-1/p}`, or ``old``, the roots before, where it cannot be found."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class ShiftedRoot(Root):
    """See :func:`shifted_root`."""

    eps: Scalar

    def take(self, matrices, power, old):
        del old
        return roots.shifted_root(matrices, power, eps=self.eps)


def shifted_root(eps: Scalar = 1e-12) -> Root:
    r"""Take :math:`(A + \epsilon I)^{-1/p}` by an eigendecomposition, as Meta's Shampoo does.

    Should the smallest eigenvalue come out below :math:`\epsilon`, which is rounding, all are
    shifted until it is :math:`\epsilon`.

    Args:
        eps: :math:`\epsilon > 0`, in units of the gradient squared.

    Returns:
        A rule for ``root`` of :func:`precondition`.

    Raises:
        ValueError: If ``eps`` is not positive.
        TypeError: If it is not a number.

    References:
        Shi et al., `A Distributed Data-Parallel PyTorch Implementation of the Distributed Shampoo
        Optimizer for Training Neural Networks At-Scale <https://arxiv.org/abs/2309.06497>`_, 2023.
    """
    check_positive("eps", eps)
    return ShiftedRoot(eps)


@dataclass(frozen=True, repr=False)
class PseudoRoot(Root):
    """See :func:`pseudo_root`."""

    def take(self, matrices, power, old):
        del old
        return roots.pseudo_root(matrices, power)


def pseudo_root() -> Root:
    """Take the inverse root where a matrix is not zero, by an eigendecomposition.

    Eigenvalues that may be rounding, of at most the largest times size times machine epsilon,
    become zero.

    Returns:
        A rule for ``root`` of :func:`precondition`.

    References:
        Shi et al., `A Distributed Data-Parallel PyTorch Implementation of the Distributed Shampoo
        Optimizer for Training Neural Networks At-Scale <https://arxiv.org/abs/2309.06497>`_, 2023.
    """
    return PseudoRoot()


@dataclass(frozen=True, repr=False)
class RidgedRoot(Root):
    """See :func:`ridged_root`."""

    eps: Scalar = 1e-6

    def take(self, matrices, power, old):
        del old
        return roots.ridged_root(matrices, power, eps=self.eps, least=1e-6)


def ridged_root(eps: Scalar = 1e-6) -> Root:
    r"""Take :math:`(A + r I)^{-1/p}` by an eigendecomposition, as Google's Shampoo does.

    :math:`r = \epsilon \max(\lambda_{\max}(A), 10^{-6})`, so that the root is at most
    :math:`\epsilon^{-1/p}` times as large along one direction as along another.

    Args:
        eps: :math:`\epsilon > 0`, a share of the largest eigenvalue.

    Returns:
        A rule for ``root`` of :func:`precondition`.

    Raises:
        ValueError: If ``eps`` is not positive.
        TypeError: If it is not a number.

    References:
        Anil, Gupta, Koren, Regan and Singer, `Scalable Second Order Optimization for Deep Learning
        <https://arxiv.org/abs/2002.09018>`_, 2020.
    """
    check_positive("eps", eps)
    return RidgedRoot(eps)


@dataclass(frozen=True, repr=False)
class NewtonRoot(Root):
    """See :func:`newton_root`."""

    eps: Scalar = 1e-6

    def take(self, matrices, power, old):
        power = _plain_power(power, "a whole number with `newton_root`", lambda p: p >= 1)
        return roots.newton_root(matrices, power, old, eps=self.eps, least=1e-25)[0]


def newton_root(eps: Scalar = 1e-6) -> Root:
    r"""Take :math:`(A + r I)^{-1/p}` by products alone, as Google's Shampoo does on accelerators.

    A coupled Newton iteration, at most a hundred steps or until it is within 1e-6, with
    :math:`r = \epsilon\, \lambda_{\max}(A)`. Where it fails it is tried again with ten times
    :math:`r`, up to six times; after that the root stays what it was. p must be a whole number.

    Args:
        eps: :math:`\epsilon > 0`, a share of the largest eigenvalue.

    Returns:
        A rule for ``root`` of :func:`precondition`.

    Raises:
        ValueError: If ``eps`` is not positive; in ``update``, if ``power`` is no whole number.
        TypeError: If it is not a number.

    References:
        Anil, Gupta, Koren, Regan and Singer, `Scalable Second Order Optimization for Deep Learning
        <https://arxiv.org/abs/2002.09018>`_, 2020.
    """
    check_positive("eps", eps)
    return NewtonRoot(eps)


@dataclass(frozen=True, repr=False)
class ProductRoot(Root):
    """See :func:`product_root`."""

    eps: Scalar = 1e-6

    def take(self, matrices, power, old):
        del old
        rule = "2, 4, 8 or another power of two with `product_root`"
        power = _plain_power(power, rule, lambda p: p >= 2 and p & (p - 1) == 0)
        return roots.product_root(matrices, power, eps=self.eps)


def product_root(eps: Scalar = 1e-6) -> Root:
    r"""Take :math:`(A + \epsilon \lVert A \rVert_\infty I)^{-1/p}` by a fixed number of products.

    Ten steps of a coupled iteration with the best polynomial for each give the inverse square root,
    two times ten the fourth, three times ten the eighth: p must be a power of two, as it is for
    matrices and for kernels of four axes. The relative error is about 1 % where an eigenvalue is
    1e-6 of the largest, and 1e-4 where it is 1e-4.

    Args:
        eps: :math:`\epsilon > 0`, a share of the norm: the largest sum of a row.

    Returns:
        A rule for ``root`` of :func:`precondition`, for matrices and vectors.

    Raises:
        ValueError: If ``eps`` is not positive; in ``update``, if ``power`` is no power of two.
        TypeError: If it is not a number.

    References:
        Grishina, Smirnov and Rakhuba, `Accelerating Newton-Schulz Iteration for Orthogonalization
        via Chebyshev-type Polynomials <https://arxiv.org/abs/2506.10935>`_, 2025.
    """
    check_positive("eps", eps)
    return ProductRoot(eps)


@dataclass(frozen=True, repr=False)
class DampedInverse(Root):
    """See :func:`damped_inverse`."""

    damping: Scalar

    def take(self, matrices, power, old):
        del old
        if not isinstance(power, int | float) or power != 1:
            raise ValueError(f"`power` must be 1 with `damped_inverse`, got {power!r}.")
        return roots.damped_inverse(matrices, damping=self.damping)


def damped_inverse(damping: Scalar) -> Root:
    r"""Take :math:`(A + \gamma I)^{-1}` by a Cholesky factorisation, for ``power=1``.

    Much cheaper than an eigendecomposition. A :math:`\gamma` that rounding would swallow, less than
    the number of rows times machine epsilon of the largest entry, is raised to that.

    Args:
        damping: :math:`\gamma > 0`, in units of the matrix.

    Returns:
        A rule for ``root`` of :func:`precondition`.

    Raises:
        ValueError: If ``damping`` is not positive; in ``update``, if ``power`` is not 1.
        TypeError: If ``damping`` is not a number.
    """
    check_positive("damping", damping)
    return DampedInverse(damping)


def _plain_power(power: Scalar, rule: str, holds: Callable[[int], bool]) -> int:
    """Return the power as an integer, which decides what is computed and so cannot be traced."""
    if not is_plain_number(power) or power != int(power) or not holds(int(power)):
        raise ValueError(
            f"`power` must be {rule}, got {shown(power)}. `ridged_root` takes any, traced ones too."
        )
    return int(power)
