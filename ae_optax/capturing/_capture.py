"""The gradient of a loss, and beside it what went into each layer and came back to it."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._trees import own_keys
from ae_optax.capturing._evaluate import evaluate
from ae_optax.capturing._layer import Layer, Layers, Unrecognised
from ae_optax.capturing._uses import Search, View


class CaptureError(ValueError):
    """A parameter is used in a way that is not recognised; the message names both."""


def capture(
    loss_fn: Callable[..., Any], *, has_aux: bool = False, unrecognised: Unrecognised = "error"
) -> Callable[..., tuple[Any, Any, Layers]]:
    r"""Make a function that returns the loss, its gradient and what each layer saw.

    For each use of a kernel, :math:`s = a W` or a convolution, found in the traced program of the
    loss, it hands out the inputs :math:`a` and the gradients :math:`\partial L / \partial s`, which
    the gradient computes anyway: nothing is computed twice, and no gradient of one example is
    made. Models need no tags and no base class: Flax modules and plain functions are alike.

    Recognised are dense products along any axes, convolutions in one group, rows looked up in a
    table, biases added to outputs that nothing else reads, and kernels that are transposed, cast or
    used several times, also inside ``jit``, ``checkpoint`` and ``scan``: a kernel that is the same
    in every turn has the turns for positions, of one that is sliced along its first axis every
    slice is a layer.

    Args:
        loss_fn: ``loss_fn(params, *arguments) -> loss``, pure, the loss a real scalar; or
            ``(loss, aux)``. Inputs of layers have the axis of the examples first.
        has_aux: Whether it returns ``(loss, aux)``.
        unrecognised: What becomes of a parameter that is used in another way, a penalty of the
            weights for instance: an ``"error"``, or ``"leave out"`` that use and list it in
            ``layers.left_out``. The gradient is whole in any case.

    Returns:
        ``function(params, *arguments) -> (value, grads, layers)``, to be compiled by the caller;
        ``value`` and ``grads`` are those of ``jax.value_and_grad``.

    Raises:
        CaptureError: When called, if a use is not recognised; it names equation and parameter.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, ICML 2015: what the records are for.
    """
    if unrecognised not in ("error", "leave out"):
        raise ValueError(f"`unrecognised` must be 'error' or 'leave out', got {unrecognised!r}.")

    def captured(params, *arguments):
        program, shape = jax.make_jaxpr(loss_fn, return_shape=True)(params, *arguments)
        search = Search()
        origins = _origins(params) + [None] * len(jax.tree.leaves(arguments))
        plan, _ = search.plan(program.jaxpr, origins)
        if search.unknown and unrecognised == "error":
            raise CaptureError(
                f"`loss_fn` uses {'; '.join(search.unknown)}: no layer that is known. "
                'Leave such uses out with `unrecognised="leave out"`.'
            )
        tree = jax.tree.structure(shape)

        def run(params, probes):
            probes = dict(zip(search.uses, probes, strict=True))
            flat = [*jax.tree.leaves(params), *jax.tree.leaves(arguments)]
            out, inputs = evaluate(program.jaxpr, program.consts, flat, plan, probes)
            value = jax.tree.unflatten(tree, out)
            loss, aux = value if has_aux else (value, None)
            return loss, (aux, [inputs[use] for use in search.uses])

        probes = [jnp.zeros((*use.loops, *use.aval.shape), use.aval.dtype) for use in search.uses]
        differentiate = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)
        (loss, (aux, inputs)), (grads, outputs) = differentiate(params, probes)
        pairs = zip(search.uses, inputs, outputs, strict=True)
        uses = tuple(layer for use, a, d in pairs for layer in _layers(use, a, d))
        value = (loss, aux) if has_aux else loss
        return value, grads, Layers(uses, tuple(search.unknown))

    return functools.wraps(loss_fn)(captured)


def _origins(params):
    """Return a view of each leaf of the parameters that has a gradient, else ``None``."""
    return [
        View(jax.tree_util.keystr(own_keys(path)), jnp.shape(leaf), tuple(range(jnp.ndim(leaf))))
        if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
        else None
        for path, leaf in jax.tree.leaves_with_path(params)
    ]


def _layers(use, inputs, output_gradients):
    """Yield the record of a use, or one for every slice if loops slice the kernel."""
    view, axes = use.view, use.view.sliced
    kept = len(use.loops) - len(axes)
    for turns in itertools.product(*(range(use.loops[axis]) for axis in axes)):
        at: list[Any] = [slice(None)] * len(use.loops)
        for axis, turn in zip(axes, turns, strict=True):
            at[axis] = turn
        number = "".join(f"[{turn}]" for turn in turns)
        yield Layer(
            inputs=inputs[tuple(at)],
            output_gradients=output_gradients[tuple(at)],
            kernel=view.path + number,
            bias=use.bias and use.bias + number,
            shape=view.shape,
            in_axes=use.in_axes,
            # In the order in which they come out of the equation.
            out_axes=tuple(a for a in view.axes if a is not None and a not in use.in_axes),
            form=use.form._replace(loops=kept),
        )
