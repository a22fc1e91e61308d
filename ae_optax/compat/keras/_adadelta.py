"""Keras's AdaDelta: with a learning rate, on leaving only."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import chain, scale_by_adadelta, scale_by_learning_rate


@transformation
def adadelta(
    learning_rate: ScalarOrSchedule = 0.001,
    rho: Scalar = 0.95,
    epsilon: Scalar = 1e-7,
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
    r"""Step as ``keras.optimizers.Adadelta``.

    .. math::

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        \Delta_t &= \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\
        u_t &= \rho\, u_{t-1} + (1 - \rho)\, \Delta_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \Delta_t

    The default rate is Keras's, a thousand times smaller than the paper's 1.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        rho: :math:`\rho \in [0, 1)`, decay of both averages.
        epsilon: :math:`\epsilon > 0`, inside both roots.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``rho`` outside [0, 1), ``epsilon`` not
            positive, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.Adadelta <https://keras.io/api/optimizers/adadelta/>`_, Keras 3.15.
    """
    check_in_unit_interval("rho", rho)
    check_positive("epsilon", epsilon)
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
    return with_common(
        lambda rate: chain(scale_by_adadelta(rho, eps=epsilon), scale_by_learning_rate(rate)),
        learning_rate,
        common,
    )
