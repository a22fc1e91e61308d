"""Types that many signatures share."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import optax
from jax.typing import DTypeLike

Scalar: TypeAlias = float | jax.Array
"""A number, or a traced scalar."""

ScalarOrSchedule: TypeAlias = float | jax.Array | optax.Schedule
"""A number, a traced scalar, or a function of the step that returns one."""

Mask: TypeAlias = Any | Callable[[optax.Params], Any]
"""A tree of booleans shaped like the parameters (or a prefix), or a function that makes it."""

StorageDType: TypeAlias = DTypeLike | Literal["params"] | None
"""A dtype, ``"params"`` for each parameter's own, or ``None`` for that but at least float32."""
