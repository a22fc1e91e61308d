"""Least squares on given features, dense or sparse."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike


def regression(
    features: ArrayLike, targets: ArrayLike
) -> tuple[Callable[[ArrayLike], jax.Array], Callable[[jax.Array, jax.Array], jax.Array]]:
    r"""Return the mean loss of a linear model, and the loss of one example at a time.

    .. math::

        f(w) = \frac{1}{2m} \sum_j (x_j \cdot w - y_j)^2

    Args:
        features: :math:`x`, shape (m, n).
        targets: :math:`y`, shape (m,).

    Returns:
        ``loss(w)`` for weights (..., n), and ``sample(w, t)`` for weights (n,): the loss of example
        ``t`` modulo ``m``, which costs a step of stochastic descent.

    Raises:
        ValueError: If the shapes do not agree.
    """
    features, targets = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    if features.ndim != 2 or targets.shape != features.shape[:1]:
        raise ValueError(
            "`features` must have shape (m, n) and `targets` (m,), got "
            f"{features.shape} and {targets.shape}."
        )

    def loss(w):
        w = jnp.asarray(w)
        found = w @ jnp.asarray(features.T, w.dtype)
        residuals = found - jnp.broadcast_to(jnp.asarray(targets, w.dtype), found.shape)
        return 0.5 * jnp.mean(residuals * residuals, axis=-1)

    def sample(w, t):
        row = t % len(features)
        residual = jnp.asarray(features, w.dtype)[row] @ w - jnp.asarray(targets, w.dtype)[row]
        return 0.5 * residual * residual

    return loss, sample
