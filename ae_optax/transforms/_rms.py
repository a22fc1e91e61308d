"""Normalisation by a running root mean square, and by a running standard deviation."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._leafwise import leafwise, zeros
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average import average, interpolate
from ae_optax.transforms._chain import chain
from ae_optax.transforms._elementwise import add, identity, root, square
from ae_optax.transforms._quotient import quotient


@transformation
def scale_by_rms(decay: Scalar = 0.9, *, eps: Scalar = 1e-8) -> optax.GradientTransformation:
    r"""Divide every update by the running root mean square of its own past.

    Elementwise on each leaf :math:`g_t`, from :math:`\nu_0 = 0`,

    .. math::

        \nu_t &= \rho\, \nu_{t-1} + (1 - \rho)\, g_t^2 \\
        u_t &= g_t \,/\, \sqrt{\nu_t + \epsilon}

    The output is dimensionless: rescaling all gradients by one constant changes it only through
    :math:`\epsilon`. The average starts at zero and is *not* debiased, so the first step is
    :math:`1 / \sqrt{1 - \rho}` times a unit step.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        eps: :math:`\epsilon > 0`, in units of the gradient squared. It sits inside the root
            (PyTorch has it outside) and keeps a coordinate that never moves at zero.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates and ignores
        ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1) or ``eps`` is not positive.
        TypeError: If one of them is not a number.

    References:
        Tieleman and Hinton, `Lecture 6.5: RMSProp
        <https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf>`_, 2012.
    """
    check_positive("eps", eps)
    return quotient(
        numerator=identity(),
        denominator=chain(square(), average(decay), add(eps), root()),
    )


class RunningVarianceState(NamedTuple):
    """What :func:`running_variance` remembers between steps.

    Attributes:
        mean: Running mean. Structure and shapes of the parameters; units of what comes in.
        variance: Running variance; those units squared.
    """

    mean: optax.Updates
    variance: optax.Updates


@transformation
def running_variance(decay: Scalar, *, dtype: StorageDType = None) -> optax.GradientTransformation:
    r"""Replace every coordinate by the running variance of its past.

    Elementwise on each leaf :math:`g_t`, from :math:`\bar g_0 = s_0 = 0`,

    .. math::

        \bar g_t &= \rho\, \bar g_{t-1} + (1 - \rho)\, g_t \\
        s_t &= \rho\, s_{t-1} + \frac{1 - \rho}{\rho}\,(g_t - \bar g_t)^2

    which equals the average of :math:`g^2` less the square of the average of :math:`g`, but is
    never negative: the difference of the two is, by rounding, on a gradient that hardly changes.

    Args:
        decay: :math:`\rho \in (0, 1)`; both averages span about :math:`1 / (1 - \rho)` steps.
        dtype: How the two are stored: a dtype, ``"params"`` for each parameter's own, or ``None``
            for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``decay`` is outside (0, 1).
        TypeError: If ``decay`` is not a number.
    """
    check_in_unit_interval("decay", decay)
    check_positive("decay", decay)

    start = zeros(dtype, dtype)
    return leafwise(_running_variance, RunningVarianceState, start, decay=decay)


def _running_variance(g, mean, variance, *, decay):
    mean = interpolate(decay, mean, g)
    error = g - mean  # From the new mean, not the old: XLA then reads one array less.
    variance = decay * variance + ((1 - decay) / decay) * (error * jnp.conj(error))
    return variance, (mean, variance)
