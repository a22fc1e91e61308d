"""Does a transformation treat every coordinate by itself, and all alike?"""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import optax

from ae_optax._equations import each_equation

# They keep the shape and look at neighbours.
ORDERED = {"cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "rev", "sort"}
# What only fits shapes and dtypes to each other.
FITTING = {"broadcast_in_dim", "convert_element_type", "reshape", "squeeze"}


def check_elementwise(
    name: str,
    transformation: optax.GradientTransformationExtraArgs,
    leaves: Iterable[jax.Array],
    *,
    with_params: bool,
    extra: Mapping[str, Any],
) -> None:
    """Raise ``ValueError`` unless the transformation does one elementwise thing to all leaves.

    It is traced for each of the leaves alone, and not run.

    Args:
        name: What to call the transformation in the message.
        transformation: What to look at.
        leaves: Updates; of those of one shape and dtype one is enough.
        with_params: Whether ``update`` is given parameters.
        extra: Further arguments of ``update``.
    """
    programs = {}
    for leaf in leaves:
        tree = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)]
        state = jax.eval_shape(transformation.init, tree)
        closed = jax.make_jaxpr(lambda u, s, p: transformation.update(u, s, p, **extra))(
            tree, state, tree if with_params else None
        )
        equations = list(each_equation(closed.jaxpr))
        _check_each_by_itself(name, leaf.shape, equations)
        primitives = [equation.primitive.name for equation in equations]
        programs[leaf.shape, leaf.dtype] = [p for p in primitives if p not in FITTING]
    for dtype in {dtype for _, dtype in programs}:
        same = {shape: program for (shape, other), program in programs.items() if other == dtype}
        first, *others = same
        for shape in others:
            if same[shape] != same[first]:
                raise ValueError(
                    f"`{name}` must treat all leaves alike, got one that treats shape {shape} and "
                    f"shape {first} differently. Put what depends on the leaf outside."
                )


def _check_each_by_itself(name, shape, equations):
    for equation in equations:
        before = [getattr(variable.aval, "shape", ()) for variable in equation.invars]
        after = [getattr(variable.aval, "shape", ()) for variable in equation.outvars]
        if shape == () or shape not in before:
            continue
        if equation.primitive.name in ORDERED or not set(after) <= set(before):
            raise ValueError(
                f"`{name}` must be elementwise, got one that takes `{equation.primitive.name}` of "
                f"a leaf of shape {shape}. Put what looks at whole leaves before or after, in a "
                "chain."
            )
