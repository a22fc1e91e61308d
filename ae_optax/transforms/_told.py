"""What a statistic of layers tells the inside of its basis, in the place of the gradient."""

from typing import Any

import optax

from ae_optax._numbers import widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates


@transformation
def factored_curvature() -> optax.GradientTransformation:
    r"""Replace every coordinate in a basis by the curvature that two factors tell of it.

    Inside :func:`in_basis` with a statistic of layers, whose factors are :math:`A` and :math:`S`,

    .. math::

        u_{ij} = (Q_A^\top A\, Q_A)_{ii}\, (Q_S^\top S\, Q_S)_{jj}

    in a basis of eigenvectors the products of their eigenvalues.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it ignores ``params``
        and reads the extra argument ``eigenvalues``.

    Raises:
        ValueError: In ``update``, if ``eigenvalues`` is missing.
    """
    return _told("eigenvalues")


@transformation
def squared_examples() -> optax.GradientTransformation:
    r"""Replace every coordinate in a basis by the mean square of the examples' gradients.

    Inside :func:`in_basis` with a statistic of layers,

    .. math::

        u_{ij} = \frac1N \sum_n (Q_A^\top a_n)_i^2\, (Q_S^\top \delta_n)_j^2

    the diagonal of the Fisher matrix in that basis, without the gradient of any single example.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it ignores ``params``
        and reads the extra argument ``squares``.

    Raises:
        ValueError: In ``update``, if ``squares`` is missing.

    References:
        George et al., `Fast Approximate Natural Gradient Descent in a Kronecker-factored Eigenbasis
        <https://arxiv.org/abs/1806.03884>`_, NeurIPS 2018.
    """
    return _told("squares")


def _told(name: str):
    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None, **extra: Any):
        del params
        if extra.get(name) is None:
            raise ValueError(
                f"`{name}` must be given to `update`: put this inside `in_basis` with a statistic "
                "of layers, `fisher_factors` for instance."
            )
        told = map_updates(lambda g, x: x.astype(widen(g).dtype), updates, extra[name])
        return cast_like(told, updates), state

    return optax.GradientTransformationExtraArgs(init, update)
