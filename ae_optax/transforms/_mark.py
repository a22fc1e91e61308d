"""A mark around the state of a transformation, which tells others something of it."""

from collections.abc import Callable, Mapping
from typing import Any

import optax

from ae_optax._transformation import check_transformation


def mark(
    inner: optax.GradientTransformation,
    kind: Callable[[optax.OptState], Any],
    check: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> optax.GradientTransformation:
    """Return a transformation that does what ``inner`` does, its state inside a mark.

    Args:
        inner: What is marked.
        kind: The mark: a state of one field, ``inner``.
        check: Called with the extra arguments of every update; what it raises ends that.

    Raises:
        TypeError: If ``inner`` is no gradient transformation.
    """
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return kind(inner.init(params))

    def update(updates, state, params=None, **extra: Any):
        check(extra)
        out, inner_state = inner.update(updates, state.inner, params, **extra)
        return out, kind(inner_state)

    return optax.GradientTransformationExtraArgs(init, update)
