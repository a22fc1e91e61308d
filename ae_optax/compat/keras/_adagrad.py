"""Keras's AdaGrad: epsilon inside the root, a sum that starts above zero."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import (
    add,
    chain,
    identity,
    quotient,
    root,
    running_sum,
    scale_by_learning_rate,
    square,
)


@transformation
def adagrad(
    learning_rate: ScalarOrSchedule = 0.001,
    initial_accumulator_value: Scalar = 0.1,
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
    r"""Step as ``keras.optimizers.Adagrad``.

    .. math::

        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta_t\, \frac{g_t}{\sqrt{s_t + \epsilon}}

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        initial_accumulator_value: :math:`s_0 \ge 0`, in units of the gradient squared.
        epsilon: :math:`\epsilon > 0`, inside the root, in units of the gradient squared.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with ``weight_decay`` or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` or ``initial_accumulator_value`` is negative, ``epsilon``
            not positive, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.Adagrad <https://keras.io/api/optimizers/adagrad/>`_, Keras 3.15.
    """
    check_non_negative("initial_accumulator_value", initial_accumulator_value)
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
        lambda rate: chain(
            quotient(
                numerator=identity(),
                denominator=chain(
                    square(),
                    running_sum(initial_value=initial_accumulator_value),
                    add(epsilon),
                    root(),
                ),
            ),
            scale_by_learning_rate(rate),
        ),
        learning_rate,
        common,
    )
