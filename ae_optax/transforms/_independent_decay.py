"""Weight decay whose strength does not depend on the learning rate."""

from typing import NamedTuple

import jax
import optax

from ae_optax._checks import check_learning_rate, check_non_negative, check_positive, rate_at
from ae_optax._leafwise import leafwise
from ae_optax._numbers import scalar
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar, ScalarOrSchedule
from ae_optax.transforms._weight_decay import where_masked


class AddIndependentDecayState(NamedTuple):
    """What :func:`add_independent_decay` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
    """

    count: jax.Array


@transformation
def add_independent_decay(
    weight_decay: Scalar = 0.0,
    *,
    learning_rate: ScalarOrSchedule = 1.0,
    peak: Scalar = 1.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Shrink the parameters by a share that does not change with the peak learning rate.

    Put after the learning rate, where :math:`u` is already a step of descent:

    .. math::

        u'_t = u_t - \lambda\, \frac{\eta_t}{\eta_{\max}}\, \theta_{t-1}

    The decay follows the shape of the schedule, not its height, so that :math:`\eta_{\max}` and
    :math:`\lambda` can be tuned one after the other. This is decoupled decay as its authors
    wrote it; :func:`~ae_optax.add_decayed_weights` before the rate, as in ``adamw``, shrinks by
    :math:`\eta_t\, \lambda`.

    Args:
        weight_decay: :math:`\lambda \ge 0`, the share taken at the peak, per step.
        learning_rate: :math:`\eta_t \ge 0`, the optimizer's own; with the default the decay is
            constant.
        peak: :math:`\eta_{\max} > 0`.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params``.

    Raises:
        ValueError: If ``weight_decay`` or ``learning_rate`` is negative or ``peak`` not positive;
            in ``update``, if ``params`` is missing.
        TypeError: If one of them is not a number.

    References:
        Loshchilov and Hutter, `Decoupled Weight Decay Regularization
        <https://arxiv.org/abs/1711.05101>`_, algorithms 1 and 2, ICLR 2019.
    """
    check_non_negative("weight_decay", weight_decay)
    check_learning_rate("learning_rate", learning_rate)
    check_positive("peak", peak)

    def scalars(t, like):
        rate = rate_at(learning_rate, t - 1)
        return {"share": scalar(weight_decay, like) * scalar(rate, like) / scalar(peak, like)}

    decay = leafwise(_shrink, AddIndependentDecayState, scalars=scalars, reads_params=True)
    return where_masked(decay, weight_decay_mask)


def _shrink(u, p, *, share):
    return u - share * p
