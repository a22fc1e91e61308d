"""How the bases of :func:`in_basis` are found from symmetric matrices, and found again."""

from dataclasses import dataclass

import jax

from ae_optax._matrices import _bases as bases
from ae_optax._piece import Piece


class Basis(Piece):
    """Finds orthogonal bases, stacks of shape (N, d, d) with the vectors as columns.

    Attributes:
        follows: Whether :meth:`next` reads the old bases; otherwise it is :meth:`first` again.
    """

    follows = False

    def first(self, matrices: jax.Array) -> jax.Array:
        """Return the bases to begin with."""
        raise NotImplementedError

    def next(self, matrices: jax.Array, old: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """Return the bases that follow ``old``, and in what order they take up its vectors.

        The order has shape (N, d); ``None``: vector by vector.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class Eigenbasis(Basis):
    """See :func:`eigenbasis`."""

    def first(self, matrices):
        return bases.eigenbasis(matrices)

    def next(self, matrices, old):
        del old
        return self.first(matrices), None


def eigenbasis() -> Basis:
    """Take the eigenvectors, those of the largest eigenvalues first, anew each time.

    Returns:
        A rule for ``basis`` of :func:`in_basis`.
    """
    return Eigenbasis()


@dataclass(frozen=True, repr=False)
class OrthogonalIteration(Basis):
    """See :func:`orthogonal_iteration`."""

    follows = True

    def first(self, matrices):
        return bases.eigenbasis(matrices)

    def next(self, matrices, old):
        return bases.iterated(matrices, old), None


def orthogonal_iteration() -> Basis:
    r"""Take the eigenvectors first, then follow them by :math:`Q \leftarrow \mathrm{qr}(A Q)`.

    Returns:
        A rule for ``basis`` of :func:`in_basis`.

    References:
        Golub and Van Loan, Matrix Computations, section 8.2, Johns Hopkins University Press, 2013.
    """
    return OrthogonalIteration()


@dataclass(frozen=True, repr=False)
class SortedIteration(Basis):
    """See :func:`sorted_iteration`."""

    follows = True

    def first(self, matrices):
        return bases.eigenbasis(matrices)

    def next(self, matrices, old):
        return bases.sorted_iterated(matrices, old)


def sorted_iteration() -> Basis:
    r"""Follow the eigenvectors as :func:`orthogonal_iteration` does, the largest always first.

    Before each step the vectors are sorted by :math:`\mathrm{diag}(Q^\top A Q)`, so that none is
    taken from the span of those behind it; :func:`permuted` moments are sorted with them.

    Returns:
        A rule for ``basis`` of :func:`in_basis`.

    References:
        Vyas et al., `SOAP: Improving and Stabilizing Shampoo using Adam
        <https://arxiv.org/abs/2409.11321>`_, algorithm 4, ICLR 2025.
    """
    return SortedIteration()
