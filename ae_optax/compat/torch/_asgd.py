"""``torch.optim.ASGD``, and the average of parameters it is named for."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite, check_learning_rate, check_non_negative
from ae_optax._leafwise import leafwise
from ae_optax._numbers import default_float
from ae_optax._transformation import transformation
from ae_optax._trees import copies_of
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import (
    check_without_meaning,
    descend,
    in_use,
    lr_at,
    steps_done,
)
from ae_optax.transforms import add_decayed_weights, chain


@transformation
def asgd(
    lr: ScalarOrSchedule = 1e-2,
    lambd: Scalar = 1e-4,
    alpha: Scalar = 0.75,
    t0: Scalar = 1e6,
    weight_decay: Scalar = 0,
    foreach: bool | None = None,
    maximize: bool = False,
    differentiable: bool = False,
    capturable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.ASGD``: at a falling rate, beside an average of the parameters.

    With :math:`g_t \leftarrow g_t + \lambda_2\,\theta_{t-1}`, from :math:`\eta_1 = \eta`,

    .. math::

        \theta_t &= (1 - \lambda\,\eta_t)\,\theta_{t-1} - \eta_t\, g_t \\
        \bar\theta_t &= \bar\theta_{t-1} + \mu_t\,(\theta_t - \bar\theta_{t-1}),
            \quad \mu_t = \frac{1}{\max(1, t - 1 - t_0)} \\
        \eta_{t+1} &= \frac{\eta}{(1 + \lambda\,\eta\, t)^{\alpha}}

    A rate that changes acts one step late, as in PyTorch. The average, which is what ASGD is for,
    is where :func:`~ae_optax.evaluation_params` evaluates; until step :math:`t_0 + 2` it equals the
    parameters.

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        lambd: :math:`\lambda \ge 0`, the decay.
        alpha: :math:`\alpha`, finite; how fast the rate falls.
        t0: :math:`t_0`, finite; the step at which averaging begins.
        weight_decay: :math:`\lambda_2 \ge 0`, an L2 penalty.
        foreach: Without meaning here.
        maximize: Whether to climb.
        differentiable: Without meaning here.
        capturable: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If a number is out of its range, or an argument without meaning is not at its
            default.
        TypeError: If an argument is not a number, or ``maximize`` not a boolean.

    References:
        Polyak and Juditsky, `Acceleration of stochastic approximation by averaging
        <https://doi.org/10.1137/0330046>`_, SIAM Journal on Control and Optimization 30(4), 1992.
        PyTorch 2.13, `ASGD <https://docs.pytorch.org/docs/2.13/generated/torch.optim.ASGD.html>`_.
    """
    check_without_meaning(foreach=foreach, differentiable=differentiable, capturable=capturable)
    check_learning_rate("lr", lr)
    check_non_negative("lambd", lambd)
    check_finite("alpha", alpha)
    check_finite("t0", t0)

    def falling(step):
        # PyTorch computes the rate of the next step, from the rate of this one.
        done = steps_done(step)
        rate = lr_at(lr, jnp.maximum(step - 1, 0))
        return rate / (1 + default_float(lambd) * rate * done) ** default_float(alpha)

    return chain(
        descend(
            falling,
            *((add_decayed_weights(lambd),) if in_use(lambd) else ()),
            weight_decay=weight_decay,
            maximize=maximize,
        ),
        _average_of_parameters(t0),
    )


class AsgdAverageState(NamedTuple):
    """The average that :func:`asgd` keeps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        ax: The average, before the first update a copy of the parameters. Structure, shapes and
            units of the parameters.
    """

    count: jax.Array
    ax: optax.Params

    def evaluate_at(self):
        """Say that the model is to be evaluated at the average."""
        return lambda _, ax: ax, self.ax


def _average_of_parameters(t0):
    def scalars(t, _):
        return {"weight": 1 / jnp.maximum(steps_done(t - 1) - default_float(t0), 1)}

    def start(p):
        return (copies_of(p, None),)

    return leafwise(_average, AsgdAverageState, start, scalars=scalars, reads_params=True)


def _average(u, p, ax, *, weight):
    new = p + u
    return u, (jnp.where(weight == 1, new, ax + weight * (new - ax)),)
