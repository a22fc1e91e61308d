"""RAdam's rectification of a second moment that has seen too few gradients."""

import jax.numpy as jnp
import optax

from ae_optax._checks import check_at_least, check_in_unit_interval
from ae_optax._leafwise import leafwise
from ae_optax._numbers import minus_log, root, scalar
from ae_optax._transformation import transformation
from ae_optax._types import Scalar
from ae_optax.transforms._average import CorrectBiasState


@transformation
def rectify(decay: Scalar, *, threshold: Scalar = 5.0) -> optax.GradientTransformation:
    r"""Distrust a denominator in proportion to its variance.

    With :math:`\rho_\infty = 2 / (1 - \beta_2) - 1` and the length of the moving average after
    :math:`t` steps, :math:`\rho_t = \rho_\infty - 2 t \beta_2^t / (1 - \beta_2^t)`,

    .. math::

        u_t = \begin{cases}
            d_t / r_t, \quad r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\,\rho_\infty}
                {(\rho_\infty - 4)(\rho_\infty - 2)\,\rho_t}}
                & \text{if } \rho_t \ge \text{threshold} \\
            1 & \text{otherwise}
        \end{cases}

    To be put last in the denominator :math:`d` of a :func:`quotient`: until the second moment can
    be trusted, the quotient is its numerator alone.

    Args:
        decay: :math:`\beta_2 \in [0, 1)` of the average in the denominator.
        threshold: Shortest trusted length, at least 4. A length of 4 itself is never trusted: the
            variance is finite above it. The paper has 4; its authors' program, PyTorch and Optax 5.

    Returns:
        A transformation that keeps structure, shapes and dtypes and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``threshold`` is below 4.
        TypeError: If one of them is not a number.

    References:
        Liu et al., `On the Variance of the Adaptive Learning Rate and Beyond
        <https://arxiv.org/abs/1908.03265>`_, ICLR 2020.
    """
    check_in_unit_interval("decay", decay)
    check_at_least("threshold", threshold, 4)

    def scalars(t, like):
        length, longest = _lengths(t, minus_log(decay, like))
        trusted = length >= scalar(threshold, length)
        squared = ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length)
        # One number that ends in a root: what is behind it XLA computes once, not in every leaf.
        return {"rectifier": root(jnp.where(trusted, squared, 0))}

    return leafwise(_rectify, CorrectBiasState, scalars=scalars)


def _rectify(d, *, rectifier):
    trusted = rectifier > 0
    return jnp.where(trusted, d / jnp.where(trusted, rectifier, 1), jnp.ones_like(d))


def _lengths(count, fall):
    r"""Return :math:`\rho_t` and :math:`\rho_\infty` for :math:`L = -\ln \beta_2`.

    As published, :math:`\rho_t = \rho_\infty - 2 t / (e^{t L} - 1)`, which starts as a small
    difference of two numbers near :math:`2 / L`: at :math:`\beta_2 = 0.9999` float32 has no digit
    of it. With :math:`1 / (e^y - 1) = 1/y - 1/2 + f(y)` in both these cancel on paper, to
    :math:`\rho_t = t + 2 f(L) - 2 t f(t L)`, for as long as :math:`t L` is small.
    """
    steps = count.astype(fall.dtype)
    y = steps * fall
    longest = 1 + 2 / jnp.expm1(fall)
    early = steps + 2 * _remainder(fall) - 2 * steps * _remainder(y)
    return jnp.where(y < 0.5, early, longest - 2 * steps / jnp.expm1(y)), longest


def _remainder(y):
    """Return f of :func:`_lengths` for y < 0.5, by its series; the next term is below 2e-15."""
    total = 0.0
    for coefficient in reversed(_COEFFICIENTS):
        total = total * y * y + coefficient
    return y * total


# Bernoulli numbers, of even order, over factorials.
_COEFFICIENTS = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000)
