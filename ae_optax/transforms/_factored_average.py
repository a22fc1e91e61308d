"""Adafactor's second moment: a matrix remembered by its row and column means."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import default_float, scalar, zeros_like
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType


class FactoredAverageState(NamedTuple):
    """What :func:`factored_average` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        rows: Running means over the last axis; for a leaf of fewer than two axes, of the leaf.
        columns: Running means over the last axis but one; for such a leaf, a zero of shape (1,).
    """

    count: jax.Array
    rows: optax.Updates
    columns: optax.Updates


@transformation
def factored_average(
    *, exponent: Scalar = 0.8, minimum: Scalar | None = 0.0, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Replace every matrix by the outer product of its averaged row and column means.

    For a leaf :math:`x_t \ge 0` (squared gradients) with at least two axes, over the last two of
    them, from zeros, with :math:`\rho_t = 1 - t^{-c}`,

    .. math::

        R_t &= \rho_t R_{t-1} + (1 - \rho_t)\, \mathrm{mean}_{\text{columns}}(x_t) \\
        C_t &= \rho_t C_{t-1} + (1 - \rho_t)\, \mathrm{mean}_{\text{rows}}(x_t) \\
        u_t &= \frac{R_t\, C_t}{\max(\epsilon, \mathrm{mean}(R_t))}

    Other leaves are averaged as they are. The first decay is zero, so no bias needs correction.

    Optax: the denominator of ``scale_by_factored_rms``.

    Args:
        exponent: :math:`c > 0`, how fast the memory lengthens.
        minimum: :math:`\epsilon \ge 0`, the smallest mean to divide by. With 0, a leaf that has
            seen zeros only is divided by zero: put ``add(eps)`` before. ``None`` is the distance
            from 1 to the next number in the dtype of the leaf but at least float32.
        dtype: How the means are stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``; its state is of size rows plus columns.

    Raises:
        ValueError: If ``exponent`` is not positive or ``minimum`` negative.
        TypeError: If one of them is not a number.

    References:
        Shazeer and Stern, `Adafactor: Adaptive Learning Rates with Sublinear Memory Cost
        <https://arxiv.org/abs/1804.04235>`_, ICML 2018.
    """
    check_positive("exponent", exponent)
    if minimum is not None:
        check_non_negative("minimum", minimum)

    def start(p):
        # Reduced like the squares to come, so that they inherit the sharding of the parameters.
        like = zeros_like(p, dtype)
        return _rows(like), _columns(like)

    def scalars(t, _):
        return {"weight": default_float(t) ** -scalar(exponent, default_float(0.0))}

    return leafwise(_factored, FactoredAverageState, start, scalars=scalars, minimum=minimum)


def _factored(x, rows, columns, *, minimum, weight):
    x = _bounded(x)
    rows = (1 - weight) * rows + weight * _rows(x)
    columns = (1 - weight) * columns + weight * _columns(x)
    if x.ndim < 2:
        return rows, (rows, columns)
    mean = jnp.mean(rows, -1, keepdims=True)
    least = float(jnp.finfo(mean.dtype).eps) if minimum is None else minimum
    share = rows / jnp.maximum(mean, least)
    return share[..., :, None] * columns[..., None, :], (rows, columns)


def _bounded(x):
    """Keep sums of ``x`` finite: the quotient of two overflows would be NaN."""
    return jnp.minimum(x, float(jnp.finfo(x.dtype).max) / max(x.size, 1))


def _mean(x, axis):
    """Return the mean of ``x``, zero where there is nothing to average."""
    return jnp.sum(x, axis) / max(x.shape[axis], 1)


def _rows(x):
    return _mean(x, -1) if x.ndim > 1 else x


def _columns(x):
    return _mean(x, -2) if x.ndim > 1 else jnp.zeros((1,), x.dtype)
