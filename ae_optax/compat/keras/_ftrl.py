"""Keras's FTRL: the minimum of a running model of the loss, with exact zeros."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax import _numbers as numbers
from ae_optax._checks import check_finite, check_non_negative, check_positive, check_rule, rate_at
from ae_optax._leafwise import leafwise
from ae_optax._numbers import full_like, zeros_like
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common


class FtrlState(NamedTuple):
    """What :func:`ftrl` remembers between steps.

    Attributes:
        count: Number of steps; shape (), int32.
        accumulator: Sum of squared gradients, in at least float32.
        linear: Slope of the model of the loss at zero, in at least float32.
    """

    count: jax.Array
    accumulator: optax.Updates
    linear: optax.Updates


@transformation
def ftrl(
    learning_rate: ScalarOrSchedule = 0.001,
    learning_rate_power: Scalar = -0.5,
    initial_accumulator_value: Scalar = 0.1,
    l1_regularization_strength: Scalar = 0.0,
    l2_regularization_strength: Scalar = 0.0,
    l2_shrinkage_regularization_strength: Scalar = 0.0,
    beta: Scalar = 0.0,
    weight_decay: Scalar | None = None,
    clipnorm: Scalar | None = None,
    clipvalue: Scalar | None = None,
    global_clipnorm: Scalar | None = None,
    use_ema: bool = False,
    ema_momentum: Scalar = 0.99,
    ema_overwrite_frequency: int | None = None,
    loss_scale_factor: Scalar | None = None,
    gradient_accumulation_steps: int | None = None,
    name: str | None = None,
) -> optax.GradientTransformation:
    r"""Step as ``keras.optimizers.Ftrl``.

    With :math:`\tilde g_t = g_t + 2 \lambda_s\, \theta_{t-1}`, :math:`p` the negative of
    ``learning_rate_power`` and :math:`\mathrm{clip}` to :math:`[-\lambda_1, \lambda_1]`,

    .. math::

        n_t &= n_{t-1} + g_t^2 \\
        z_t &= z_{t-1} + \tilde g_t - \frac{n_t^p - n_{t-1}^p}{\eta_t}\, \theta_{t-1} \\
        \theta_t &= \frac{\mathrm{clip}(z_t) - z_t}{(n_t^p + \beta) / \eta_t + 2 \lambda_2}

    The parameters are the minimum of all that was seen, not a step from where they were: where
    they start matters little, and where :math:`|z_t| \le \lambda_1` they are exactly zero. Where
    the denominator is zero, which is 0 / 0 in Keras, they stay.

    Args:
        learning_rate: :math:`\eta > 0`: a number, a traced scalar, or a schedule of the step from
            0 (Keras's plain callables take no step). The rule divides by it.
        learning_rate_power: :math:`-p \le 0`.
        initial_accumulator_value: :math:`n_0 \ge 0`.
        l1_regularization_strength: :math:`\lambda_1 \ge 0`.
        l2_regularization_strength: :math:`\lambda_2 \ge 0`.
        l2_shrinkage_regularization_strength: :math:`\lambda_s \ge 0`, a penalty in the gradient.
        beta: :math:`\beta \ge 0` of the paper.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is not positive, ``learning_rate_power`` positive, another
            argument negative, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        McMahan et al., `Ad Click Prediction: a View from the Trenches
        <https://research.google/pubs/ad-click-prediction-a-view-from-the-trenches/>`_, KDD 2013;
        `keras.optimizers.Ftrl <https://keras.io/api/optimizers/ftrl/>`_, Keras 3.15.
    """
    if not callable(learning_rate):
        check_positive("learning_rate", learning_rate)
    check_finite("learning_rate_power", learning_rate_power)
    check_rule("learning_rate_power", learning_rate_power, "be at most 0", lambda v: v <= 0)
    check_non_negative("initial_accumulator_value", initial_accumulator_value)
    check_non_negative("l1_regularization_strength", l1_regularization_strength)
    check_non_negative("l2_regularization_strength", l2_regularization_strength)
    check_non_negative("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
    check_non_negative("beta", beta)
    del name  # It names variables, and there are none.
    common = Common(
        weight_decay,
        clipnorm,
        clipvalue,
        global_clipnorm,
        use_ema,
        ema_momentum,
        ema_overwrite_frequency,
        loss_scale_factor,
        gradient_accumulation_steps,
    )

    def rule(rate):
        return _follow_the_leader(
            rate,
            power=learning_rate_power,
            start=initial_accumulator_value,
            l1=l1_regularization_strength,
            l2=l2_regularization_strength,
            shrinkage=l2_shrinkage_regularization_strength,
            beta=beta,
        )

    return with_common(rule, learning_rate, common)


def _follow_the_leader(learning_rate, *, start, **numbers):
    def begin(p):
        return full_like(p, start, None), zeros_like(p, None)

    def scalars(t, _):
        return {"rate": rate_at(learning_rate, t - 1)}

    return leafwise(_ftrl, FtrlState, begin, scalars=scalars, reads_params=True, **numbers)


def _ftrl(g, p, accumulator, linear, *, rate, power, l1, l2, shrinkage, beta):
    def rooted(n):
        return numbers.power(n, -power)

    # In range, for there must be no difference of infinities.
    total = jnp.minimum(accumulator + g**2, jnp.finfo(g.dtype).max)
    sigma = (rooted(total) - rooted(accumulator)) / rate
    linear = linear + (g + 2 * shrinkage * p - sigma * p)
    stiffness = (rooted(total) + beta) / rate + 2 * l2
    unknown = stiffness <= 0  # Not so where it is no number.
    best = (jnp.clip(linear, -l1, l1) - linear) / jnp.where(unknown, 1, stiffness)
    return jnp.where(unknown, 0, best - p), (total, linear)
