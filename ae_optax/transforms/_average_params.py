"""The average of the parameters along the way, kept beside them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_params_given
from ae_optax._leafwise import map_rule
from ae_optax._numbers import increment, one_minus_power, scalar
from ae_optax._transformation import transformation
from ae_optax._trees import copies_of, map_updates, stepped
from ae_optax._types import Scalar, StorageDType


class AverageParamsState(NamedTuple):
    """What :func:`average_params` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        mean: The average; before the first step the parameters. Structure and shapes of the
            parameters.
    """

    count: jax.Array
    mean: optax.Params

    def evaluate_at(self):
        """Say that the model is to be evaluated at the average."""
        return lambda _, mean: mean, self.mean


@transformation
def average_params(
    decay: Scalar = 0.999, *, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Keep an exponential moving average of the parameters after each step.

    Put last. The updates pass unchanged; with :math:`\theta_t = \theta_{t-1} + u_t`,

    .. math::

        \bar\theta_t = \frac{\sum_{i=1}^t \rho^{t-i}\, \theta_i}{\sum_{i=1}^t \rho^{t-i}}

    which is the debiased average: the starting point, :math:`\theta_0`, has no part in it.
    The model is to be evaluated there, see :func:`evaluation_params`. Averaging smooths what a
    large rate keeps jumping around, so it takes the place of some of the decay of the rate.

    Args:
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        dtype: How :math:`\bar\theta` is stored: a dtype, ``"params"`` for each parameter's own,
            or ``None`` for that but at least float32, without which a slow average of bfloat16
            numbers stalls.

    Returns:
        A transformation that leaves its updates alone; it needs ``params``.

    Raises:
        ValueError: If ``decay`` is outside [0, 1); in ``update``, if ``params`` is missing.
        TypeError: If ``decay`` is not a number; in ``update``, if a leaf is not of floating or
            complex numbers.

    References:
        Polyak and Juditsky, `Acceleration of Stochastic Approximation by Averaging
        <https://doi.org/10.1137/0330046>`_, SIAM Journal on Control and Optimization 30(4), 1992.
        Kingma and Ba, `Adam: A Method for Stochastic Optimization
        <https://arxiv.org/abs/1412.6980>`_, section 7.2, ICLR 2015.
    """
    check_in_unit_interval("decay", decay)

    def init(params):
        return AverageParamsState(jnp.zeros([], jnp.int32), copies_of(params, dtype))

    def update(updates, state, params=None):
        check_params_given(params)
        count = increment(state.count)

        def scalars(like):
            return {"weight": (1 - scalar(decay, like)) / one_minus_power(decay, count, like)}

        reached = reached_by(updates, params)
        _, (mean,) = map_rule(towards, reached, kept=[state.mean], scalars=scalars)
        return updates, AverageParamsState(count, mean)

    return optax.GradientTransformation(init, update)


def reached_by(updates: Any, params: Any) -> Any:
    """Return the parameters after the step, as they will be stored."""
    reached = stepped(updates, params)
    return map_updates(lambda _, p, new: new.astype(p.dtype), updates, params, reached)


def towards(new: jax.Array, mean: jax.Array, *, weight: jax.Array) -> tuple[jax.Array, Any]:
    """Move an average towards what is new."""
    return new, (mean + weight * (new - mean),)
