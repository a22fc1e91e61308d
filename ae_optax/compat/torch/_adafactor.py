"""``torch.optim.Adafactor``."""

import math

import jax.numpy as jnp
import optax

from ae_optax._checks import check_learning_rate, check_positive, check_rule
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import (
    check_length,
    check_without_meaning,
    descend,
    lr_at,
    steps_done,
)
from ae_optax.transforms import (
    chain,
    clip_by_rms,
    factored_average,
    identity,
    quotient,
    root,
    scale_by_parameter_rms,
    square,
)


@transformation
def adafactor(
    lr: ScalarOrSchedule = 1e-2,
    beta2_decay: Scalar = -0.8,
    eps: tuple[Scalar | None, Scalar] = (None, 1e-3),
    d: Scalar = 1.0,
    weight_decay: Scalar = 0.0,
    *,
    foreach: bool | None = None,
    maximize: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Adafactor``.

    For a leaf with at least two axes, over the last two of them, with the row and column means
    :math:`R_t, C_t` of :math:`g_t^2` averaged with the decay :math:`1 - t^{c}`,

    .. math::

        \hat V_t &= \frac{R_t\, C_t}{\max(\epsilon_1, \mathrm{mean}\, R_t)} \\
        u_t &= \frac{g_t}{\sqrt{\max(\epsilon_1^2, \hat V_t)}} \\
        \theta_t &= (1 - \eta_t\,\lambda)\,\theta_{t-1}
            - \min\!\left(\eta_t, \tfrac{1}{\sqrt t}\right)
            \max(\epsilon_2, \mathrm{RMS}(\theta_{t-1}))\,
            \frac{u_t}{\max(1, \mathrm{RMS}(u_t) / d)}

    For other leaves :math:`\hat V_t` is the average of :math:`g_t^2` itself.

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
            Relative to the size of the parameters.
        beta2_decay: :math:`c < 0`.
        eps: :math:`\epsilon_1 > 0`, where ``None`` is the distance from 1 to the next number in the
            dtype of the leaf but at least float32, and :math:`\epsilon_2 > 0`.
        d: :math:`d > 0`, largest root mean square of a leaf's step before scaling.
        weight_decay: :math:`\lambda \ge 0`, beside the step and times :math:`\eta`.
        foreach: Without meaning here.
        maximize: Whether to climb.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If a number is out of its range, or ``foreach`` is not at its default.
        TypeError: If an argument is not a number, or ``maximize`` not a boolean.

    References:
        PyTorch 2.13, `Adafactor
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adafactor.html>`_.
    """
    check_without_meaning(foreach=foreach)
    check_learning_rate("lr", lr)
    check_rule("beta2_decay", beta2_decay, "be negative and finite", lambda v: -math.inf < v < 0)
    check_length("eps", eps, 2)
    eps1, eps2 = eps
    if eps1 is not None:
        check_positive("eps[0]", eps1)
    check_positive("eps[1]", eps2)
    check_positive("d", d)

    def share(step):
        """Return the part of the rate that the relative step size leaves."""
        rate = lr_at(lr, step) * jnp.sqrt(steps_done(step) + 1)
        # A safe rate where it is small: one of zero has a derivative that is no number.
        return 1 / jnp.maximum(rate, 1)

    return descend(
        lr,
        quotient(
            numerator=identity(),
            denominator=chain(
                square(),
                factored_average(exponent=-beta2_decay, minimum=eps1),
                leafwise(_at_least_square, eps=eps1),
                root(),
            ),
        ),
        clip_by_rms(d),
        scale_by_parameter_rms(minimum=eps2),
        # A decoupled decay sees the whole rate, the step this part of it.
        optax.scale_by_schedule(share),
        weight_decay=weight_decay,
        decoupled=True,
        maximize=maximize,
    )


def _at_least_square(v, *, eps):
    least = float(jnp.finfo(v.dtype).eps) if eps is None else eps
    return jnp.maximum(v, least * least)
