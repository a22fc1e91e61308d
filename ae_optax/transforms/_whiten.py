"""Division by the roots of the eigenvalues that a statistic follows."""

from typing import Any

import optax

from ae_optax._checks import check_positive
from ae_optax._numbers import scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates
from ae_optax._types import Scalar


@transformation
def whiten(*, eps: Scalar = 1e-8) -> optax.GradientTransformation:
    r"""Divide by the roots of the eigenvalues that a statistic follows.

    Inside :func:`in_basis`, whose statistic follows for each axis the inverse roots :math:`s` of
    eigenvalues, :func:`kl_gram` for instance; of a matrix, with :math:`S_{ij} = s_i s_j`,

    .. math::

        U_{ij} = \frac{G_{ij}\, S_{ij}}{1 + \epsilon\, S_{ij}}

    Along an axis of which nothing is known :math:`s = 1`.

    Args:
        eps: :math:`\epsilon > 0`, in units of the root.

    Returns:
        A stateless transformation that computes in at least float32 and keeps structure, shapes and
        dtypes; it ignores ``params`` and reads the extra argument ``scales``.

    Raises:
        ValueError: If ``eps`` is not positive; in ``update``, if ``scales`` is missing.
        TypeError: If ``eps`` is not a number.

    References:
        Lin et al., `Understanding and improving Shampoo and SOAP via Kullback-Leibler Minimization
        <https://arxiv.org/abs/2509.03378>`_, 2025.
    """
    check_positive("eps", eps)

    def whitened(x, scale):
        scale = scale.astype(x.dtype)
        return x * (scale / (1 + scalar(eps, x) * scale))

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None, *, scales: Any = None, **extra):
        del params, extra
        if scales is None:
            raise ValueError(
                "`scales` must be given to `update`: put this inside `in_basis` with a statistic "
                "that follows eigenvalues, `kl_gram` for instance."
            )
        wide = map_updates(widen, updates)
        return cast_like(map_updates(whitened, wide, scales), updates), state

    return optax.GradientTransformationExtraArgs(init, update)
