"""``torch.optim.Rprop``."""

import optax

from ae_optax._checks import check_learning_rate, rate_at, shown
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import check_flag, check_without_meaning
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
        step_sizes: Smallest and largest step, in units of the parameters.
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
    for name, pair in (("etas", etas), ("step_sizes", step_sizes)):
        if len(pair) != 2:
            raise ValueError(f"`{name}` must be two numbers, got {shown(pair)}.")
    step = scale_by_rprop(
        rate_at(lr, 0, name="lr"),
        decrease=etas[0],
        increase=etas[1],
        min_step=step_sizes[0],
        max_step=step_sizes[1],
    )
    return chain(in_pairs(step), scale(1 if maximize else -1))
