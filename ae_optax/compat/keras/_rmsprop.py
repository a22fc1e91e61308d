"""Keras's RMSprop: epsilon inside the root, the learning rate inside the velocity."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, check_positive, is_plain_number
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import (
    add,
    average,
    chain,
    identity,
    quotient,
    root,
    running_variance,
    scale_by_learning_rate,
    scale_by_momentum,
    square,
)


@transformation
def rmsprop(
    learning_rate: ScalarOrSchedule = 0.001,
    rho: Scalar = 0.9,
    momentum: Scalar = 0.0,
    epsilon: Scalar = 1e-7,
    centered: bool = False,
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
    r"""Step as ``keras.optimizers.RMSprop``.

    .. math::

        \nu_t &= \rho\, \nu_{t-1} + (1 - \rho)\, g_t^2 \\
        b_t &= \mu\, b_{t-1} + \eta_t\, \frac{g_t}{\sqrt{\nu_t + \epsilon}} \\
        \theta_t &= \theta_{t-1} - b_t

    With ``centered``, :math:`\nu_t - \bar g_t^2` stands for :math:`\nu_t`, where :math:`\bar g`
    averages :math:`g` as :math:`\nu` does its square; computed here without the difference, so
    that it cannot become negative.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        rho: :math:`\rho \in [0, 1)`, with ``centered`` positive.
        momentum: :math:`\mu \in [0, 1)`; 0 keeps no velocity.
        epsilon: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.
        centered: Whether to divide by the standard deviation and not by the root mean square.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``rho`` or ``momentum`` outside [0, 1),
            ``rho`` zero with ``centered``, ``epsilon`` not positive, or a common option out of its
            range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.RMSprop <https://keras.io/api/optimizers/rmsprop/>`_, Keras 3.15.
    """
    check_in_unit_interval("rho", rho)
    check_in_unit_interval("momentum", momentum)
    check_positive("epsilon", epsilon)
    if centered:
        check_positive("rho", rho)
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
    spread = running_variance(rho) if centered else chain(square(), average(rho))
    direction = quotient(numerator=identity(), denominator=chain(spread, add(epsilon), root()))

    def rule(rate):
        step = chain(direction, scale_by_learning_rate(rate))
        if is_plain_number(momentum) and momentum == 0:
            return step
        return chain(step, scale_by_momentum(momentum))  # The rate before the velocity.

    return with_common(rule, learning_rate, common)
