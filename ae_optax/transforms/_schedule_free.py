"""Averaging instead of a decay of the learning rate."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_in_unit_interval,
    check_learning_rate,
    check_non_negative,
    check_params_given,
    check_positive,
    rate_at,
)
from ae_optax._leafwise import map_rule
from ae_optax._numbers import default_float, increment, power, scalar, widen
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, copies_of
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType


class ScheduleFreeState(NamedTuple):
    """What :func:`schedule_free` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        last_rate: The rate used last, warm-up included; shape (), default float dtype.
        largest_rate: The largest rate so far; likewise.
        weight_sum: Sum of the weights of the average so far; likewise.
        beta: Share of the average in the point where the gradient is taken; likewise, constant.
        z: The sequence that takes the steps. Structure and shapes of the parameters.
        inner: State of the direction.
    """

    count: jax.Array
    last_rate: jax.Array
    largest_rate: jax.Array
    weight_sum: jax.Array
    beta: jax.Array
    z: optax.Params
    inner: optax.OptState

    def evaluate_at(self):
        r"""Say that the model is to be evaluated at :math:`x = (y - (1 - \beta)\, z) / \beta`."""

        def average(y, z):
            wide = widen(y)
            return wide + (1 / scalar(jnp.asarray(self.beta), wide) - 1) * (
                wide - z.astype(wide.dtype)
            )

        return average, self.z


@transformation
def schedule_free(
    inner: optax.GradientTransformation,
    learning_rate: ScalarOrSchedule,
    *,
    b1: Scalar = 0.9,
    warmup_steps: Scalar = 0.0,
    weight_lr_power: Scalar = 2.0,
    weight_power: Scalar = 0.0,
    dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Step along a direction and average the iterates, so that the rate need not decay.

    With a direction of ascent :math:`d_t` that ``inner`` makes of the gradient at :math:`y_t`,
    from :math:`x_0 = y_0 = z_0` and for :math:`t = 0, 1, \dots`,

    .. math::

        \gamma_t &= \eta_t \min\left(1, \frac{t + 1}{W}\right) \\
        w_t &= (t + 1)^r\, \left(\max_{i \le t} \gamma_i\right)^p, \quad
        c_t = w_t \Big/ \sum_{i \le t} w_i \\
        z_{t+1} &= z_t - \gamma_t\, d_t \\
        x_{t+1} &= (1 - c_t)\, x_t + c_t\, z_{t+1} \\
        y_{t+1} &= (1 - \beta)\, z_{t+1} + \beta\, x_{t+1}

    The parameters that are trained are :math:`y`; those to evaluate are :math:`x`, which
    :func:`evaluation_params` returns. :math:`x` is not stored: one sequence, :math:`z`, is kept
    beside the parameters.

    ``inner`` has neither a rate, which is applied here, so that step and average use one and the
    same, nor a first momentum, whose place :math:`\beta` takes. The
    authors' main example is :func:`~ae_optax.schedule_free_adamw`.

    Args:
        inner: Makes :math:`d` of the gradient; ``identity()`` for gradient descent.
        learning_rate: :math:`\eta_t \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0.
        b1: :math:`\beta \in (0, 1)`.
        warmup_steps: :math:`W \ge 0`: the rate rises for so many steps, from :math:`\eta / W`.
        weight_lr_power: :math:`p \ge 0`; 0 weighs all rates alike.
        weight_power: :math:`r \ge 0`; 0 weighs all steps alike.
        dtype: How :math:`z` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``b1`` is outside (0, 1) or another argument negative; in ``update``, if
            ``params`` is missing.
        TypeError: If one of them is not a number, or ``inner`` no gradient transformation.

    References:
        Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky, `The Road Less Scheduled
        <https://arxiv.org/abs/2405.15682>`_, NeurIPS 2024.
    """
    check_transformation("inner", inner)
    check_learning_rate("learning_rate", learning_rate)
    check_in_unit_interval("b1", b1)
    check_positive("b1", b1)
    check_non_negative("warmup_steps", warmup_steps)
    check_non_negative("weight_lr_power", weight_lr_power)
    check_non_negative("weight_power", weight_power)
    inner = optax.with_extra_args_support(inner)

    def warming(count):
        rate = default_float(rate_at(learning_rate, count))
        # The first step has 1 / W, not 0, and so has its weight in the average.
        length = jnp.maximum(default_float(warmup_steps), 1)
        return rate * jnp.minimum(1, (default_float(count) + 1) / length)

    def init(params):
        count = jnp.zeros([], jnp.int32)
        return ScheduleFreeState(
            count=count,
            last_rate=warming(count),
            largest_rate=default_float(0.0),
            weight_sum=default_float(0.0),
            beta=default_float(b1),
            z=copies_of(params, dtype),
            inner=inner.init(params),
        )

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        rate = warming(state.count)
        largest = jnp.maximum(rate, state.largest_rate)
        step = default_float(state.count) + 1
        weight = power(step, scalar(weight_power, step))
        weight = weight * power(largest, scalar(weight_lr_power, step))
        weight_sum = state.weight_sum + weight
        share = jnp.where(weight_sum > 0, weight / jnp.where(weight_sum > 0, weight_sum, 1), 0)
        direction, inner_state = inner.update(updates, state.inner, params, **extra)

        _, (z,) = map_rule(_step, direction, kept=[state.z], rate=rate)
        out, _ = map_rule(_move, direction, params, z, rate=rate, share=share, b1=b1)
        return cast_like(out, updates), ScheduleFreeState(
            count=increment(state.count),
            last_rate=rate,
            largest_rate=largest,
            weight_sum=weight_sum,
            beta=state.beta,
            z=z,
            inner=inner_state,
        )

    return optax.GradientTransformationExtraArgs(init, update)


def _step(direction, z, *, rate):
    return direction, (z - rate * direction,)


def _move(direction, y, z, *, rate, share, b1):
    # y' - y with x eliminated: nothing is divided by b1, nothing large cancels. z is taken back
    # from what it has become, so that it can be overwritten.
    moved = rate * direction
    return share * (z + moved - y) - (1 - b1 * (1 - share)) * moved
