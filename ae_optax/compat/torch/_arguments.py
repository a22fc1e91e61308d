"""What the signatures of PyTorch's optimizers have in common."""

from typing import Any

import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_in_unit_interval,
    check_learning_rate,
    check_non_negative,
    is_plain_number,
    rate_at,
    shown,
)
from ae_optax._numbers import default_float
from ae_optax._transformation import Transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._pairs import in_pairs
from ae_optax.transforms import add_decayed_weights, chain, scale, scale_by_learning_rate

Betas = tuple[Scalar, Scalar]

_WITHOUT_MEANING = {
    "foreach": "XLA fuses the loop over leaves by itself",
    "fused": "XLA fuses the update by itself",
    "capturable": "the update is compiled whenever it is called inside `jax.jit`",
    "differentiable": "every update can be differentiated",
}


def check_without_meaning(**values: Any) -> None:
    """Raise ``ValueError`` unless every argument that has no meaning in JAX is at its default."""
    for name, value in values.items():
        default = False if name in ("capturable", "differentiable") else None
        # Not `==`: an array has no truth value.
        if value is not default:
            raise ValueError(
                f"`{name}` must be left at {default!r}, got {shown(value)}: it has no meaning "
                f"here, as {_WITHOUT_MEANING[name]}."
            )


def check_length(name: str, value: Any, length: int) -> None:
    """Raise ``ValueError`` unless ``value`` is a tuple or list of so many numbers, two or three."""
    if not isinstance(value, tuple | list) or len(value) != length:
        words = {2: "two", 3: "three"}
        raise ValueError(f"`{name}` must be {words[length]} numbers, got {shown(value)}.")


def check_betas(betas: Betas) -> None:
    """Raise unless ``betas`` are two numbers in [0, 1)."""
    check_length("betas", betas, 2)
    for position, beta in enumerate(betas):
        check_in_unit_interval(f"betas[{position}]", beta)


def check_flag(name: str, value: Any) -> None:
    """Raise ``TypeError`` unless ``value`` is a boolean: a traced one cannot choose a rule."""
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` must be True or False, got {shown(value)}.")


def in_use(value: Scalar) -> bool:
    """Tell whether an optional term is there: a plain zero leaves it out, as PyTorch does."""
    return not (is_plain_number(value) and value == 0)


def descend(
    lr: ScalarOrSchedule,
    *rule: optax.GradientTransformation,
    weight_decay: Scalar = 0,
    decoupled: bool = False,
    maximize: bool = False,
) -> optax.GradientTransformation:
    r"""Put ``rule`` between what PyTorch does with every gradient and the learning rate.

    .. math::

        g &\leftarrow \pm g + \lambda\,\theta \\
        \theta &\leftarrow \theta - \eta\, u(g)

    or, decoupled, :math:`\theta \leftarrow \theta - \eta\,(u(\pm g) + \lambda\,\theta)`.
    """
    check_learning_rate("lr", lr)
    check_non_negative("weight_decay", weight_decay)
    check_flag("maximize", maximize)
    decay = (add_decayed_weights(weight_decay),) if in_use(weight_decay) else ()
    return chain(
        *((scale(-1),) if maximize else ()),
        *(() if decoupled else decay),
        *rule,
        *(decay if decoupled else ()),
        scale_by_learning_rate(lr),
    )


def descend_in_pairs(
    lr: ScalarOrSchedule, *rule: Transformation, **others: Any
) -> optax.GradientTransformation:
    """Do as :func:`descend`, with a rule to which complex numbers are pairs of real ones."""
    return descend(lr, *map(in_pairs, rule), **others)


def lr_at(lr: ScalarOrSchedule, step: Any) -> Any:
    """Return the learning rate at a step, in the default float dtype."""
    return default_float(rate_at(lr, step, name="lr"))


def steps_done(step: Any) -> Any:
    """Return a step as a number of the default float dtype."""
    return jnp.asarray(step).astype(jnp.result_type(float))
