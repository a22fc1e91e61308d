"""The average of the parameters over the end of a run."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_at_least,
    check_in_unit_interval,
    check_params_given,
    check_rule,
)
from ae_optax._leafwise import map_rule
from ae_optax._numbers import default_float, increment, one_minus_power, scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import copies_of
from ae_optax._types import Scalar, StorageDType
from ae_optax.transforms._average_params import reached_by, towards


class AverageTailState(NamedTuple):
    """What :func:`average_tail` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        mixed: How much of the average is in what the model is evaluated at; shape (), constant.
        mean: The average; before it begins the parameters. Structure and shapes of the parameters.
    """

    count: jax.Array
    mixed: jax.Array
    mean: optax.Params

    def evaluate_at(self):
        """Say that the model is to be evaluated between the parameters and the average."""

        def between(p, mean):
            wide = widen(p)
            return wide + scalar(self.mixed, wide) * (mean.astype(wide.dtype) - wide)

        return between, self.mean


@transformation
def average_tail(
    begin: Scalar, *, decay: Scalar = 0.99, share: Scalar = 0.6, dtype: StorageDType = None
) -> optax.GradientTransformation:
    r"""Evaluate between the last parameters and their average over the end of the run.

    Put last. The updates pass unchanged; with :math:`\theta_t = \theta_{t-1} + u_t`, the model is
    to be evaluated at

    .. math::

        (1 - a)\, \theta_t + a\, \bar\theta_t, \qquad
        \bar\theta_t = \frac{\sum_{i=b}^t \rho^{t-i}\, \theta_i}{\sum_{i=b}^t \rho^{t-i}}

    from step :math:`b` on, and before at :math:`\theta_t`; see :func:`evaluation_params`. Until a
    rate is low an average lags behind: that of all steps, :func:`average_params`, needs a constant
    rate to be worth it, that of the last tenth of a run does not.

    Args:
        begin: :math:`b \ge 1`, the first step that is averaged; in a config, ``90%`` of the run.
        decay: :math:`\rho \in [0, 1)`; the average spans about :math:`1 / (1 - \rho)` steps.
        share: :math:`a \in [0, 1]`; 1 is the average alone.
        dtype: How :math:`\bar\theta` is stored: a dtype, ``"params"`` for each parameter's own,
            or ``None`` for that but at least float32.

    Returns:
        A transformation that leaves its updates alone; it needs ``params``.

    Raises:
        ValueError: If ``begin`` is less than 1, ``decay`` outside [0, 1) or ``share`` outside
            [0, 1]; in ``update``, if ``params`` is missing.
        TypeError: If one of them is not a number.

    References:
        Jordan et al., `modded-nanogpt <https://github.com/KellerJordan/modded-nanogpt>`_, track of
        optimizers, 2026.
    """
    check_at_least("begin", begin, 1)
    check_in_unit_interval("decay", decay)
    check_rule("share", share, "lie in [0, 1]", lambda v: 0 <= v <= 1)

    def init(params):
        return AverageTailState(
            jnp.zeros([], jnp.int32), default_float(share), copies_of(params, dtype)
        )

    def update(updates, state, params=None):
        check_params_given(params)
        count = increment(state.count)
        steps = default_float(count)
        averaged = jnp.maximum(steps - (scalar(begin, steps) - 1), 1)

        def scalars(like):
            return {"weight": (1 - scalar(decay, like)) / one_minus_power(decay, averaged, like)}

        reached = reached_by(updates, params)
        _, (mean,) = map_rule(towards, reached, kept=[state.mean], scalars=scalars)
        return updates, AverageTailState(count, state.mixed, mean)

    return optax.GradientTransformation(init, update)
