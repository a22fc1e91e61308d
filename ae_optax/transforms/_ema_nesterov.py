"""Nesterov's idea for any optimizer: the gradient is taken where the path leads."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_learning_rate, rate_at
from ae_optax._leafwise import map_rule
from ae_optax._numbers import default_float, increment, scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import zeros_for
from ae_optax._types import Scalar, ScalarOrSchedule, StorageDType


class EmaNesterovState(NamedTuple):
    """What :func:`ema_nesterov` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        ahead: How many average steps the parameters are ahead; shape (), default float dtype.
        mean: The average step. Structure and shapes of the parameters.
    """

    count: jax.Array
    ahead: jax.Array
    mean: optax.Params

    def evaluate_at(self):
        r"""Say that the model is to be evaluated at :math:`\theta`, not ahead of it."""

        def behind(p, mean):
            wide = widen(p)
            return wide - scalar(self.ahead, wide) * mean.astype(wide.dtype)

        return behind, self.mean


@transformation
def ema_nesterov(
    strength: ScalarOrSchedule = 0.3, *, decay: Scalar = 0.99, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Take the gradient some average steps ahead, and go on from there.

    Put last, behind the learning rate of any optimizer. Of the step :math:`u_t` that it makes of
    the gradient at :math:`\theta_{t-1} + \beta_t\, e_{t-1}`, from :math:`e_0 = 0`,

    .. math::

        \theta_t &= \theta_{t-1} + \beta_t\, e_{t-1} + u_t \\
        e_t &= \rho\, e_{t-1} + (1 - \rho)\, (\theta_t - \theta_{t-1})

    The parameters that are trained are those ahead, :math:`\theta_t + \beta_{t+1}\, e_t`; those to
    evaluate are :math:`\theta_t`, which :func:`evaluation_params` returns.

    Args:
        strength: :math:`\beta_t \ge 0`: a number, a traced scalar, or a schedule of the step from
            0. Its authors let it follow the learning rate, and have 0 at first and at the end.
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        dtype: How :math:`e` is stored: a dtype, ``"params"`` for each parameter's own, or ``None``
            for that but at least float32.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; ignores
        ``params``.

    Raises:
        ValueError: If ``strength`` is negative or ``decay`` outside [0, 1).
        TypeError: If one of them is not a number; in ``init`` and ``update``, if a schedule makes
            no single number.

    References:
        `EMA-Nesterov <https://arxiv.org/abs/2605.25395>`_, 2026.
    """
    check_learning_rate("strength", strength)
    check_in_unit_interval("decay", decay)

    def strength_at(count):
        return default_float(rate_at(strength, count, name="strength"))

    def init(params):
        count = jnp.zeros([], jnp.int32)
        return EmaNesterovState(count, strength_at(count), zeros_for(params, dtype))

    def update(updates, state, params=None):
        del params  # The step that comes in is all that is needed.
        count = increment(state.count)
        ahead = strength_at(count)
        out, (mean,) = map_rule(
            _ahead, updates, kept=[state.mean], decay=decay, before=state.ahead, after=ahead
        )
        return out, EmaNesterovState(count, ahead, mean)

    return optax.GradientTransformation(init, update)


def _ahead(u, mean, *, decay, before, after):
    moved = u + before * mean
    mean = decay * mean + (1 - decay) * moved
    return u + after * mean, (mean,)
