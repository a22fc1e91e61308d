"""Keras's SGD: the learning rate inside the velocity."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_in_unit_interval, is_plain_number
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import chain, scale_by_learning_rate, scale_by_momentum, scale_by_nesterov


@transformation
def sgd(
    learning_rate: ScalarOrSchedule = 0.01,
    momentum: Scalar = 0.0,
    nesterov: bool = False,
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
    r"""Step as ``keras.optimizers.SGD``.

    .. math::

        v_t &= \mu\, v_{t-1} - \eta_t\, g_t \\
        \theta_t &= \theta_{t-1} + v_t
        \quad\text{or, with } \texttt{nesterov},\quad
        \theta_t = \theta_{t-1} + \mu\, v_t - \eta_t\, g_t

    PyTorch has the rate outside the velocity: the two differ as soon as the rate changes.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        momentum: :math:`\mu \in [0, 1)`; 0 keeps no velocity. (Keras admits 1, which never
            forgets.)
        nesterov: Whether the velocity is taken one step ahead.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``momentum`` outside [0, 1), or a common
            option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.SGD <https://keras.io/api/optimizers/sgd/>`_, Keras 3.15.
    """
    check_in_unit_interval("momentum", momentum)
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
    if is_plain_number(momentum) and momentum == 0:
        return with_common(scale_by_learning_rate, learning_rate, common)
    velocity = scale_by_nesterov if nesterov else scale_by_momentum
    return with_common(
        # The rate first: a schedule does not rescale old steps.
        lambda rate: chain(scale_by_learning_rate(rate), velocity(momentum)),
        learning_rate,
        common,
    )
