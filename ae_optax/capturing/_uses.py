"""Find the uses of parameters in a jaxpr: which equation takes which parameter, and how."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend import core

from ae_optax._equations import opened, scan_counts
from ae_optax.capturing._forms import Convolution, Dense, Lookup

CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}
"""Primitives that only call: their program is read in their place."""


class View(NamedTuple):
    """A parameter as an equation sees it, or what a loop has sliced of one.

    Attributes:
        path: Of the parameter.
        shape: Of the parameter, or of one slice.
        axes: For each axis of what is seen the parameter's axis, or the slice's, or ``None`` for
            one of length 1 or along which it is repeated.
        sliced: The numbers of the loops that slice the parameter, each along its first axis.
    """

    path: str
    shape: tuple[int, ...]
    axes: tuple[int | None, ...]
    sliced: tuple[int, ...] = ()


class Output(NamedTuple):
    """What a use gives out: a bias that is added to it belongs to it.

    Attributes:
        use: The use.
        axis: The axis of its outputs, if they have but one, and if nothing else reads them.
    """

    use: "Use"
    axis: int | None


class Use:
    """An equation that multiplies by a kernel.

    Attributes:
        view: The kernel, as it is seen there.
        operand: Which operand of the equation is the layer's input.
        in_axes: Axes of the kernel that are summed over.
        form: How rows are read from input and output.
        aval: Shape and dtype of the output, without loops.
        loops: Lengths of the loops around the equation.
        bias: Path of the bias that is added to the output, or ``None``.
    """

    def __init__(self, view: View, operand: int, in_axes: tuple[int, ...], form: Any, aval: Any):
        self.view, self.operand, self.in_axes, self.form, self.aval = (
            view,
            operand,
            in_axes,
            form,
            aval,
        )
        self.loops: tuple[int, ...] = ()
        self.bias: str | None = None


Plan = Mapping[int, Any]
"""For the number of an equation its :class:`Use`, or the plan of the program inside it."""


class Search:
    """One search through a program and the programs inside it.

    Attributes:
        uses: What was found, in order.
        unknown: What was not recognised, in words.
    """

    def __init__(self):
        self.uses: list[Use] = []
        self.unknown: list[str] = []

    def plan(self, jaxpr: core.Jaxpr, origins: Sequence[Any], loops: tuple[int, ...] = ()):
        """Return the plan of a program and the origins of what it returns.

        Args:
            jaxpr: The program.
            origins: For each of its inputs a :class:`View`, an :class:`Output` or ``None``.
            loops: Lengths of the loops around it.
        """
        readers = Counter(
            var
            for operands in (*(eqn.invars for eqn in jaxpr.eqns), jaxpr.outvars)
            for var in operands
            if not isinstance(var, core.Literal)
        )
        known = _known(jaxpr.invars, origins, readers)
        plan: dict[int, Any] = {}
        for number, eqn in enumerate(jaxpr.eqns):
            seen = [_origin(known, v) for v in eqn.invars]
            inside, out = self._equation(eqn, seen, loops)
            if inside:
                plan[number] = inside
            known |= _known(eqn.outvars, out, readers)
        return plan, [_origin(known, v) for v in jaxpr.outvars]

    def _equation(self, eqn, seen, loops):
        nothing = [None] * len(eqn.outvars)
        if not any(seen):
            return None, nothing
        name = eqn.primitive.name
        if name in CALLS:
            return self.plan(opened(eqn.params[CALLS[name]])[0], seen, loops)
        if name in ("remat2", "checkpoint"):
            return self.plan(opened(eqn.params["jaxpr"])[0], seen, loops)
        if name == "scan":
            return self._scan(eqn, seen, loops), nothing
        views = [_is_view(origin) for origin in seen]
        if not any(views):
            return None, [_passed_on(eqn, seen[0])] if len(nothing) == 1 else nothing
        if name in VIEWS and views[0] and (view := VIEWS[name](eqn, seen[0])) is not None:
            return None, [view]
        if name in PRODUCTS and sum(views) == 1:
            use = PRODUCTS[name](eqn, seen[views.index(True)], views.index(False))
            if use is not None:
                use.loops = loops
                use.form = use.form._replace(loops=len(loops))
                self.uses.append(use)
                return use, [Output(use, _output_axis(eqn, use))]
        if name == "add" and self._is_bias(seen, views):
            return None, [seen[views.index(False)]]
        for view in (origin for origin in seen if _is_view(origin)):
            self.unknown.append(f"{view.path} in `{_one_line(eqn)}`")
        return None, nothing

    def _is_bias(self, seen, views):
        """Tell whether an addition is that of a bias to a layer's output; if so, note it there."""
        if sum(views) != 1:
            return False
        bias, output = seen[views.index(True)], seen[views.index(False)]
        if not isinstance(output, Output) or output.axis is None or output.use.bias is not None:
            return False
        at = [axis for axis, own in enumerate(bias.axes) if own is not None]
        if len(bias.shape) != 1 or at != [output.axis] or bias.sliced != output.use.view.sliced:
            return False
        output.use.bias = bias.path
        return True

    def _scan(self, eqn, seen, loops):
        consts, carried = scan_counts(eqn)
        for view in (origin for origin in seen[consts : consts + carried] if _is_view(origin)):
            self.unknown.append(f"{view.path}, carried by `scan`")
        inner = [*seen[:consts], *[None] * carried]
        for origin in seen[consts + carried :]:
            inner.append(_slice(origin, len(loops)) if _is_view(origin) else None)
            if _is_view(origin) and inner[-1] is None:
                self.unknown.append(f"{origin.path}, sliced by `scan` along no first axis")
        jaxpr, _ = opened(eqn.params["jaxpr"])
        plan, _ = self.plan(jaxpr, inner, (*loops, eqn.params["length"]))
        return plan


def _known(variables, origins, readers):
    """Return the origins of variables; an output that is read twice is none to add a bias to."""
    return {
        var: origin._replace(axis=None)
        if isinstance(origin, Output) and readers[var] > 1
        else origin
        for var, origin in zip(variables, origins, strict=True)
        if origin is not None
    }


def _is_view(origin):
    return isinstance(origin, View)


def _slice(view, loop):
    """Return what a loop sees of a view at one turn; ``None`` if it slices no first axis."""
    first, *rest = view.axes
    if first is None:  # The same at every turn.
        return view._replace(axes=tuple(rest))
    if first != 0:
        return None
    axes = tuple(None if axis is None else axis - 1 for axis in rest)
    return View(view.path, view.shape[1:], axes, (*view.sliced, loop))


def _origin(known, var):
    return None if isinstance(var, core.Literal) else known.get(var)


def _one_line(eqn):
    return " ".join(str(eqn).split())[:120]


def _passed_on(eqn, origin):
    """Return the origin of an output that is the layer's output in another dtype, else none."""
    same = eqn.primitive.name in ("convert_element_type", "copy")
    return origin if same else None


def _cast(eqn, view):
    inexact = jnp.issubdtype(eqn.params["new_dtype"], jnp.inexact)
    return view if inexact else None


def _transpose(eqn, view):
    return view._replace(axes=tuple(view.axes[axis] for axis in eqn.params["permutation"]))


def _reshape(eqn, view):
    """Return the view if nothing but axes of length 1 comes or goes."""
    if eqn.params["dimensions"] is not None:
        return None
    old, new = eqn.invars[0].aval.shape, eqn.params["new_sizes"]
    kept = [own for own, size in zip(view.axes, old, strict=True) if size != 1]
    if [size for size in old if size != 1] != [size for size in new if size != 1]:
        return None
    left = iter(kept)
    return view._replace(axes=tuple(None if size == 1 else next(left) for size in new))


def _broadcast(eqn, view):
    axes: list[int | None] = [None] * len(eqn.params["shape"])
    for own, size, at in zip(
        view.axes, eqn.invars[0].aval.shape, eqn.params["broadcast_dimensions"], strict=True
    ):
        axes[at] = own if size == eqn.params["shape"][at] else None
    return view._replace(axes=tuple(axes))


VIEWS = {
    "convert_element_type": _cast,
    "copy": lambda _, view: view,
    "transpose": _transpose,
    "reshape": _reshape,
    "squeeze": lambda eqn, view: view._replace(
        axes=tuple(a for i, a in enumerate(view.axes) if i not in eqn.params["dimensions"])
    ),
    "broadcast_in_dim": _broadcast,
}
"""Equations after which a parameter is still itself: the view of what comes out, or ``None``."""


def _whole(view):
    """Tell whether every axis of a view is one of the kernel's, and none is missing."""
    return sorted(a for a in view.axes if a is not None) == list(range(len(view.shape)))


def _dense(eqn, view, operand):
    (contracting, batched) = eqn.params["dimension_numbers"]
    if any(batched) or not _whole(view) or len(view.axes) != len(view.shape):
        return None
    of_kernel, of_input = contracting[1 - operand], contracting[operand]
    # In the order of the kernel's axes, whatever the order in which they are summed over.
    pairs = sorted((view.axes[k], i) for k, i in zip(of_kernel, of_input, strict=True))
    in_axes = tuple(own for own, _ in pairs)
    form = Dense(0, tuple(axis for _, axis in pairs), inputs_first=operand == 0)
    return Use(view, operand, in_axes, form, eqn.outvars[0].aval)


def _convolution(eqn, view, operand):
    params = eqn.params
    grouped = params["feature_group_count"] != 1 or params["batch_group_count"] != 1
    if operand != 0 or grouped or not _whole(view) or len(view.axes) != len(view.shape):
        return None
    rhs = params["dimension_numbers"].rhs_spec
    own = [view.axes[axis] for axis in rhs[1:]]
    order = sorted(range(len(own)), key=own.__getitem__)
    in_axes = tuple(own[i] for i in order)
    form = Convolution(
        loops=0,
        window=tuple(eqn.invars[1].aval.shape[axis] for axis in rhs[2:]),
        numbers=params["dimension_numbers"],
        strides=tuple(params["window_strides"]),
        padding=tuple(map(tuple, params["padding"])),
        lhs_dilation=tuple(params["lhs_dilation"]),
        rhs_dilation=tuple(params["rhs_dilation"]),
        order=tuple(order),
    )
    return Use(view, operand, in_axes, form, eqn.outvars[0].aval)


def _lookup(eqn, view, operand):
    """Return the use of a table of which whole rows are taken: of a kernel, by unit vectors."""
    numbers, indices = eqn.params["dimension_numbers"], eqn.invars[operand].aval
    rows, *features = eqn.invars[0].aval.shape
    first = indices.ndim - 1
    own = (
        numbers.offset_dims == tuple(range(first, first + len(features))),
        numbers.collapsed_slice_dims == numbers.start_index_map == (0,),
        not numbers.operand_batching_dims,
        tuple(eqn.params["slice_sizes"]) == (1, *features),
        indices.ndim > 1,
    )
    if operand != 1 or not all(own) or not _whole(view) or len(view.axes) != len(view.shape):
        return None
    clipped = eqn.params["mode"] == jax.lax.GatherScatterMode.CLIP
    return Use(view, operand, (view.axes[0],), Lookup(0, rows, clipped), eqn.outvars[0].aval)


PRODUCTS = {"dot_general": _dense, "conv_general_dilated": _convolution, "gather": _lookup}
"""Equations that multiply by a kernel: the use, or ``None`` if it is none that is known."""


def _output_axis(eqn, use):
    if isinstance(use.form, Convolution):
        return eqn.params["dimension_numbers"].out_spec[1]
    if len(use.view.shape) - len(use.in_axes) != 1:
        return None
    features_first = isinstance(use.form, Dense) and not use.form.inputs_first
    return 0 if features_first else eqn.outvars[0].aval.ndim - 1
