"""The long valley: one flat direction, one steep."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ae_optax._checks import check_at_least, check_positive


def valley(curvatures: ArrayLike) -> Callable[[ArrayLike], jax.Array]:
    r"""Return the loss :math:`f(x) = \tfrac{1}{2} \sum_i c_i x_i^2`.

    Args:
        curvatures: :math:`c`, shape (n,); (ε, 1) for a valley along the first coordinate.

    Returns:
        A function from a point (..., n) to its loss (...).
    """
    curvatures = np.asarray(curvatures, np.float64)

    def loss(x):
        x = jnp.asarray(x)
        return 0.5 * (x * x) @ jnp.asarray(curvatures, x.dtype)

    return loss


def descent_in_valley(
    curvatures: ArrayLike, start: ArrayLike, *, learning_rate: float, steps: int
) -> np.ndarray:
    r"""Return where plain gradient descent at a constant rate goes, in closed form.

    In every coordinate :math:`x_r = (1 - \eta c)^r x_0`: it converges for
    :math:`0 < \eta c < 2`, and slowly where :math:`\eta c` is small.

    Args:
        curvatures: :math:`c`, shape (n,).
        start: :math:`x_0`, shape (n,).
        learning_rate: :math:`\eta > 0`.
        steps: How many, at least 0.

    Returns:
        Shape (steps + 1, n), float64.

    Raises:
        ValueError: If ``learning_rate`` or ``steps`` is out of range.
    """
    check_positive("learning_rate", learning_rate)
    check_at_least("steps", steps, 0)
    factors = 1 - learning_rate * np.asarray(curvatures, np.float64)
    return factors ** np.arange(steps + 1)[:, None] * np.asarray(start, np.float64)
