"""PSGD with Kronecker factors: the average gradient, whitened by factors that are fitted."""

from collections.abc import Callable

import jax
import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms import (
    Draws,
    add_decayed_weights,
    average,
    chain,
    correct_bias,
    fitted_precondition,
    scale_by_learning_rate,
    view,
)


@transformation
def psgd_kron(
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    fit_rate: Scalar = 0.1,
    initial_scale: Scalar = 1.0,
    frequency: float | Callable[[jax.Array], jax.Array] | None = None,
    max_rms: Scalar = 1.1,
    draws: Draws | None = None,
    longest: int = 8192,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Step by the average gradient, whitened along each axis by a factor that is fitted.

    Of every matrix, from :math:`M_0 = 0`, with upper triangular :math:`Q_L, Q_R`,

    .. math::

        M_t &= \beta_1\, M_{t-1} + (1 - \beta_1)\, G_t, \qquad
        \hat M_t = \frac{M_t}{1 - \beta_1^t} \\
        U_t &= Q_L^\top Q_L\, \hat M_t\, Q_R^\top Q_R \\
        \theta_t &= \theta_{t-1} - \eta_t \left( \frac{U_t}{\max(1, \mathrm{RMS}(U_t) / d)}
            + \lambda\, \theta_{t-1} \right)

    and alike for tensors; of a vector, and along sides that are too long, the factors are diagonal.
    How they are fitted, with a little chance and without an inverse, tells
    :func:`~ae_optax.fitted_precondition`.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. About that of Adam.
        b1: :math:`\beta_1 \in [0, 1)`, decay of the average gradient.
        fit_rate: Positive: the length of a step of the factors, of their own size.
        initial_scale: Positive: what the product of the factors is at first.
        frequency: On what share of steps factors are fitted, in (0, 1], or a function of the step's
            number, from 1; ``None``: all of 500, then ever fewer, down to 3 in a hundred.
        max_rms: :math:`d > 0`.
        draws: Where chance comes from; ``None``: :func:`~ae_optax.random_draws`.
        longest: The longest side that has a triangular factor, at least 1.
        weight_decay: :math:`\lambda \ge 0`, decoupled.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` or ``weight_decay`` is negative, ``b1`` outside [0, 1),
            ``frequency`` outside (0, 1], ``longest`` less than 1, or another number not positive.
        TypeError: If a number is none; in ``update``, if a leaf is complex.

    References:
        Li, `Preconditioned Stochastic Gradient Descent <https://arxiv.org/abs/1512.04202>`_, 2015.
        Walters, `psgd_jax <https://github.com/evanatyourservice/psgd_jax>`_, 2024.
    """
    check_in_unit_interval("b1", b1)
    check_positive("fit_rate", fit_rate)
    return chain(
        fitted_precondition(
            fit_rate,
            inner=chain(average(b1), correct_bias(b1)),
            max_rms=max_rms,
            initial_scale=initial_scale,
            frequency=frequency,
            draws=draws,
            view=view(longest=longest),
        ),
        add_decayed_weights(weight_decay, weight_decay_mask=weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )
