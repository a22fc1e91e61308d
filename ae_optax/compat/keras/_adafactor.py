"""Keras's Adafactor: the rate never exceeds the paper's relative step."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite, check_positive, check_rule, rate_at
from ae_optax._numbers import default_float
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.transforms import (
    add,
    chain,
    clip_by_rms,
    factored_average,
    identity,
    quotient,
    root,
    scale_by_learning_rate,
    scale_by_parameter_rms,
    square,
)


@transformation
def adafactor(
    learning_rate: ScalarOrSchedule = 0.001,
    beta_2_decay: Scalar = -0.8,
    epsilon_1: Scalar = 1e-30,
    epsilon_2: Scalar = 1e-3,
    clip_threshold: Scalar = 1.0,
    relative_step: bool = True,
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
    r"""Step as ``keras.optimizers.Adafactor``.

    With :math:`\hat V_t` of :func:`~ae_optax.factored_average` from :math:`g_t^2 + \epsilon_1`,

    .. math::

        u_t &= g_t / \sqrt{\hat V_t} \\
        \theta_t &= \theta_{t-1} - \min(\eta_t, 1 / \sqrt t)\,
            \max(\epsilon_2, \mathrm{RMS}(\theta_{t-1}))\,
            \frac{u_t}{\max(1, \mathrm{RMS}(u_t) / d)}

    Every leaf of two or more axes is factored over its last two.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        beta_2_decay: :math:`-c < 0`, where the decay is :math:`1 - t^{-c}`.
        epsilon_1: :math:`\epsilon_1 > 0`, added to the squared gradient.
        epsilon_2: :math:`\epsilon_2 > 0`, least root mean square of the parameters.
        clip_threshold: :math:`d > 0`, largest root mean square of a leaf's direction.
        relative_step: Without meaning, as in Keras 3.15: the minimum with :math:`1 / \sqrt t` is
            taken either way.
        weight_decay: This and what follows: see :mod:`ae_optax.compat.keras`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``beta_2_decay`` not negative, another
            argument not positive, or a common option out of its range.
        TypeError: If one of them is not a number.

    References:
        `keras.optimizers.Adafactor <https://keras.io/api/optimizers/adafactor/>`_, Keras 3.15.
    """
    del relative_step  # Keras asks for it, but takes the minimum a second time.
    check_finite("beta_2_decay", beta_2_decay)
    check_rule("beta_2_decay", beta_2_decay, "be negative", lambda v: v < 0)
    check_positive("epsilon_1", epsilon_1)
    check_positive("epsilon_2", epsilon_2)
    check_positive("clip_threshold", clip_threshold)
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
                    square(), add(epsilon_1), factored_average(exponent=-beta_2_decay), root()
                ),
            ),
            clip_by_rms(clip_threshold),
            scale_by_parameter_rms(minimum=epsilon_2),
            scale_by_learning_rate(_at_most_relative(rate)),
        ),
        learning_rate,
        common,
    )


def _at_most_relative(learning_rate):
    def schedule(step):
        rate = default_float(rate_at(learning_rate, step))
        return jnp.minimum(rate, 1 / jnp.sqrt(default_float(step) + 1))

    return schedule
