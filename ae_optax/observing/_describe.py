"""A transformation as text: what it is made of, and what it costs."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import optax

from ae_optax._transformation import Transformation, check_transformation
from ae_optax.observing._composition import (
    chained,
    name_of,
    parts,
    parts_of,
    written_out,
)
from ae_optax.observing._cost import EXAMPLES, bytes_of, cost_of, count_of, each

STANDARD = jax.ShapeDtypeStruct((1024, 1024), jnp.float32)
GAP = 3
NEGLIGIBLE = 0.01


class Line(NamedTuple):
    """One line of a description.

    Attributes:
        text: Branches of the tree, and what hangs on them.
        bytes_per_parameter: Of the state that belongs to this line alone, or ``None``.
    """

    text: str
    bytes_per_parameter: float | None


def describe(transformation: optax.GradientTransformation, params: Any = None) -> str:
    """Return a text that shows a transformation as a tree, and what an update costs.

    Beside each part that keeps state stands its size. Below the tree stand the size of the whole
    state and the memory traffic of an update that is compiled together with the addition to the
    parameters, as XLA counts it: an array pass reads or writes one array as large as the
    parameters, so a step of plain gradient descent makes three. Last come the floating-point
    operations, those of every few steps in their share, beside those of the gradient: of one
    example it takes six for each parameter of a dense layer. As many examples as are named, and the
    update takes as much as the gradient of the batch. A rule that reads what layers saw is told of
    128 examples, every matrix taken for the kernel of a dense layer (see :func:`cost_of`).

    Args:
        transformation: Any; one that is not of this package is shown by the name of the function
            that made it.
        params: Parameters to measure on, or their shapes; one float32 matrix of 1024 x 1024 by
            default. Nothing is computed with them.

    Returns:
        Several lines, without a newline at the end.

    Raises:
        TypeError: If ``transformation`` is no gradient transformation.
    """
    check_transformation("transformation", transformation)
    params = STANDARD if params is None else jax.eval_shape(lambda: params)
    # Optax's own do not pass strict promotion.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        lines = list(_lines(transformation, "", "", "", params))
        costs = _costs(transformation, params)
    stateful = [line for line in lines if (line.bytes_per_parameter or 0) > NEGLIGIBLE]
    width = max((len(line.text) for line in stateful), default=0) + GAP
    shown = [
        f"{line.text:<{width}}{line.bytes_per_parameter:.3g} bytes/parameter"
        if line in stateful
        else line.text
        for line in lines
    ]
    return "\n".join([*shown, "", *costs])


def _lines(transformation, label, first, rest, params) -> Iterator[Line]:
    """Yield the lines of a transformation; ``first`` and ``rest`` are the branches before them."""
    branches = _branches(transformation)
    # What is inside a wrapper may see other shapes than the parameters'.
    open_ = written_out(transformation) is not transformation or name_of(transformation) in (
        "chain",
        "quotient",
    )
    size = None
    if params is not None and not (open_ and branches):
        size, params = _bytes_per_parameter(transformation, params), None
    text = _call(transformation) if not label else f"{label}: {_call(transformation)}"
    if label and text == f"{label}: chain":
        text = label
    yield Line(first + text, size)
    for number, (name, part) in enumerate(branches, 1):
        last = number == len(branches)
        yield from _lines(
            part,
            name,
            rest + ("└─ " if last else "├─ "),
            rest + ("   " if last else "│  "),
            params,
        )


def _branches(transformation):
    """Return what is shown below a transformation, with labels."""
    inner = chained(transformation)
    if inner is not None:
        return [("", part) for part in inner]
    if isinstance(transformation, Transformation) and transformation.body is not None:
        return [("", transformation.body)]
    return parts(transformation)


def _call(transformation):
    """Return name and arguments, those left out that are ``None`` or shown below."""
    name = name_of(transformation)
    if not isinstance(transformation, Transformation):
        return name if name != "transformation" else "optax transformation"
    arguments = ", ".join(
        f"{key}={_shown(value)}"
        for key, value in transformation.arguments.items()
        if not (value is None or parts_of(key, value) or key == "transformations")
    )
    return f"{name}({arguments})" if arguments or not _branches(transformation) else name


def _shown(value):
    if isinstance(value, jax.Array) and not value.shape and not isinstance(value, jax.core.Tracer):
        return f"{value.item():.6g}"
    if callable(value):
        name = getattr(value, "__qualname__", repr(value))
        maker, inner, _ = name.partition(".<locals>")
        return f"{maker}(...)" if inner else getattr(value, "__name__", name)
    return repr(value)


def _bytes_per_parameter(transformation, params):
    try:
        state = jax.eval_shape(transformation.init, params)
    except Exception:
        return None  # A part may need more than shapes; `_costs` says what of the whole.
    return each(bytes_of(state), count_of(params))


def _costs(transformation, params):
    if not count_of(params):
        return ["not measured: `params` hold no number."]
    try:
        cost = cost_of(transformation, params)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return [f"not measured: it needs other `params`, or more than these. {reason}"]
    of_layers = " and ".join(name for name in cost.needs if "layers" in name)
    per_parameter = f"{cost.bytes_per_parameter:.3g} bytes/parameter"
    small = cost.bytes_per_parameter <= NEGLIGIBLE
    work = f"{_plain(cost.flops / cost.parameters, 3)} FLOP/parameter"
    return [
        f"state    {f'{cost.state_bytes} bytes in all' if small else per_parameter}",
        f"update   {cost.array_passes:.3g} array passes on {jax.default_backend()}",
        f"work     {work}, those of the gradient of {_plain(cost.examples, 2)} examples",
        *([f"         with {of_layers} of {EXAMPLES} examples, dense"] if of_layers else []),
    ]


def _plain(number, digits):
    """Return so many digits, all before the point however many there are."""
    return f"{number:.{digits}g}" if number < 10**digits else f"{number:.0f}"
