"""``torch.optim.Rprop``."""

import math

import optax

from ae_optax._checks import (
    check_learning_rate,
    check_non_negative,
    check_positive,
    check_rule,
    rate_at,
)
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import check_flag, check_length, check_without_meaning
from ae_optax.compat.torch._pairs import in_pairs
from ae_optax.transforms import chain, scale, scale_by_rprop


@transformation
def rprop(
    lr: ScalarOrSchedule = 1e-2,
    etas: tuple[Scalar, Scalar] = (0.5, 1.2),
    step_sizes: tuple[Scalar, Scalar] = (1e-6, 50),
    *,
    capturable: bool = False,
    foreach: bool | None = None,
    maximize: bool = False,
    differentiable: bool = False,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Rprop``: see :func:`~ae_optax.scale_by_rprop`.

    Args:
        lr: :math:`\eta \ge 0`, the first step of every coordinate: a number, a traced scalar, or a
            schedule, of which only the value at step 0 counts, as in PyTorch.
        etas: :math:`\eta^- \in (0, 1)` and :math:`\eta^+ > 1`.
        step_sizes: Smallest step, at least 0, and largest, above 0, in units of the parameters.
        capturable: Without meaning here.
        foreach: Without meaning here.
        maximize: Whether to climb.
        differentiable: Without meaning here.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it ignores
        ``params``.

    Raises:
        ValueError: If a number is out of its range, a pair is none, or an argument without meaning
            is not at its default.
        TypeError: If an argument is not a number, or ``maximize`` not a boolean.

    References:
        PyTorch 2.13, `Rprop
        <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Rprop.html>`_.
    """
    check_without_meaning(capturable=capturable, foreach=foreach, differentiable=differentiable)
    check_learning_rate("lr", lr)
    check_flag("maximize", maximize)
    check_length("etas", etas, 2)
    check_rule("etas[0]", etas[0], "lie in (0, 1)", lambda v: 0 < v < 1)
    check_rule("etas[1]", etas[1], "be above 1 and finite", lambda v: 1 < v < math.inf)
    check_length("step_sizes", step_sizes, 2)
    check_non_negative("step_sizes[0]", step_sizes[0])
    check_positive("step_sizes[1]", step_sizes[1])
    step = scale_by_rprop(
        rate_at(lr, 0, name="lr"),
        decrease=etas[0],
        increase=etas[1],
        min_step=step_sizes[0],
        max_step=step_sizes[1],
    )
    return chain(in_pairs(step), scale(1 if maximize else -1))
