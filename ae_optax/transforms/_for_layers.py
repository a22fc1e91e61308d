"""Layers, each kernel and its bias one matrix, and all other leaves: a transformation for each."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer, check_params_given
from ae_optax._numbers import scalar
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import is_none, own_keys

RECORDS = ("layers", "sampled_layers")


class ForLayersState(NamedTuple):
    """What :func:`for_layers` remembers between steps.

    Attributes:
        layers: State of the transformation of layers, whose matrices stand in the places of the
            kernels; ``optax.MaskedNode()`` for other leaves.
        others: State of the transformation of the others, likewise.
    """

    layers: optax.OptState
    others: optax.OptState


@transformation
def for_layers(
    layers: optax.GradientTransformation,
    *,
    others: optax.GradientTransformation,
    out_axis: int = -1,
) -> optax.GradientTransformation:
    r"""Give every layer to one transformation, kernel and bias as one matrix, the rest to another.

    Of :math:`s = a W + b` the matrix is

    .. math::

        \begin{pmatrix} W \\ b \end{pmatrix}, \qquad s = (a, 1) \begin{pmatrix} W \\ b \end{pmatrix}

    A kernel is a leaf with two axes or more, of which one counts the outputs; the others, laid end
    to end, count the inputs. Its bias is the vector of that many numbers beside it, as
    ``{"kernel": ..., "bias": ...}``, if one is there and no other kernel could have it. ``layers``
    and ``sampled_layers``, if they are given to ``update``, are passed on as of such matrices.

    Args:
        layers: For the matrices.
        others: For everything else.
        out_axis: The axis of a kernel that counts the outputs: the last for those of Flax and
            Keras, the first for PyTorch's weights.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params``.

    Raises:
        ValueError: In ``update``, if ``params`` is missing, a leaf has another shape than its
            parameter, or a layer uses kernel or bias in another way.
        TypeError: If a part is no gradient transformation or ``out_axis`` no integer.
    """
    check_transformation("layers", layers)
    check_transformation("others", others)
    check_integer("out_axis", out_axis)
    rule, rest = map(optax.with_extra_args_support, (layers, others))

    def init(params):
        plan = _Plan(params, out_axis)
        own, remaining = plan.split(params)
        return ForLayersState(rule.init(own), rest.init(remaining))

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        plan = _Plan(params, out_axis)
        told = {name: plan.records(name, extra[name]) for name in RECORDS if name in extra}
        own, remaining = plan.split(updates)
        own_params, other_params = plan.split(params)
        plain, rest_state = rest.update(remaining, state.others, other_params, **extra)
        if "layers_at" in extra:

            def layers_at(direction, rate):
                joint = plan.join(updates, direction, plain)
                return plan.records("layers_at", extra["layers_at"](_stepped(params, joint, rate)))

            told["layers_at"] = layers_at
        out, own_state = rule.update(own, state.layers, own_params, **extra | told)
        return plan.join(updates, out, plain), ForLayersState(own_state, rest_state)

    return optax.GradientTransformationExtraArgs(init, update)


class _Plan:
    """Which leaves of the parameters are kernels, and which are their biases."""

    def __init__(self, params: Any, out_axis: int):
        keyed, self._tree = jax.tree.flatten_with_path(params, is_leaf=is_none)
        paths = [own_keys(path) for path, _ in keyed]
        self._names = [jax.tree_util.keystr(path) for path in paths]
        # Of what is missing the shape is that of a number: it is no kernel and no bias.
        self._shapes = [() if p is None else jnp.shape(p) for _, p in keyed]
        self._axes = {
            i: _out_axis(name, shape, out_axis)
            for i, (name, shape) in enumerate(zip(self._names, self._shapes, strict=True))
            if len(shape) >= 2 and math.prod(shape)
        }
        # The biases that each kernel could have, and the kernels that each bias could have.
        beside = {
            i: [
                j
                for j, path in enumerate(paths)
                if paths[i] and path[:-1] == paths[i][:-1] and self._shapes[j] == (shape[axis],)
            ]
            for i, (shape, axis) in {k: (self._shapes[k], a) for k, a in self._axes.items()}.items()
        }
        claims = [j for found in beside.values() for j in found]
        self._biases = {
            i: found[0] if len(found) == 1 and claims.count(found[0]) == 1 else None
            for i, found in beside.items()
        }

    def split(self, tree):
        """Return the matrices, in the places of the kernels, and the leaves that are in none."""
        leaves = self._tree.flatten_up_to(tree)
        own: list[Any] = [None if x is None else optax.MaskedNode() for x in leaves]
        rest = list(leaves)
        for i, j in self._biases.items():
            kernel, bias = leaves[i], None if j is None else leaves[j]
            rest[i] = optax.MaskedNode()
            if j is not None:
                rest[j] = optax.MaskedNode()
                own[j] = optax.MaskedNode()
                self._check(j, bias)
            self._check(i, kernel)
            own[i] = None if kernel is None and bias is None else self._matrix(i, j, kernel, bias)
        return self._tree.unflatten(own), self._tree.unflatten(rest)

    def join(self, updates, matrices, others):
        """Return a tree like ``updates`` of what became of its matrices and its other leaves."""
        leaves = self._tree.flatten_up_to(updates)
        own, out = self._tree.flatten_up_to(matrices), self._tree.flatten_up_to(others)
        for i, j in self._biases.items():
            shape, axis = self._shapes[i], self._axes[i]
            inputs = math.prod(shape) // shape[axis]
            sides = (*shape[:axis], *shape[axis + 1 :], shape[axis])
            if leaves[i] is None:
                out[i] = None
            else:
                kernel = jnp.moveaxis(own[i][:inputs].reshape(sides), -1, axis)
                out[i] = kernel.astype(jnp.result_type(leaves[i]))
            if j is not None:
                there = leaves[j] is not None
                out[j] = own[i][inputs].astype(jnp.result_type(leaves[j])) if there else None
        return self._tree.unflatten(out)

    def records(self, name, layers):
        """Return ``layers`` as of the matrices: what is of no kernel has no record."""
        if layers is None:
            return None
        found = []
        for i in self._biases:
            own = layers.of(self._names[i])
            found += [self._record(name, use, i) for use in own] or layers.slices(self._names[i])
        return dataclasses.replace(layers, uses=tuple(found))

    def _record(self, name, use, i):
        shape, axis, j = self._shapes[i], self._axes[i], self._biases[i]
        if use.out_axes != (axis,):
            raise ValueError(
                f"`{name}` must have the outputs of {use.kernel} along axis {axis}, got "
                f"{use.out_axes}. Say so by `out_axis`, or give it to another optimizer with "
                "`by_path`."
            )
        if j is not None and use.bias != self._names[j]:
            raise ValueError(
                f"`{name}` must have {self._names[j]} for the bias of {use.kernel}, beside which "
                f"it stands, got {use.bias}. Give one of them to another optimizer with `by_path`."
            )
        matrix = (math.prod(shape) // shape[axis] + (j is not None), shape[axis])
        bias = None if j is None else use.bias
        return dataclasses.replace(use, shape=matrix, in_axes=(0,), out_axes=(1,), bias=bias)

    def _matrix(self, i, j, kernel, bias):
        shape, axis = self._shapes[i], self._axes[i]
        inputs, outputs = math.prod(shape) // shape[axis], shape[axis]
        given = kernel if kernel is not None else bias
        dtype = jnp.result_type(given)
        if isinstance(given, jax.ShapeDtypeStruct):
            return jax.ShapeDtypeStruct((inputs + (j is not None), outputs), dtype)
        if kernel is None:
            kernel = jnp.zeros(shape, dtype)
        matrix = jnp.moveaxis(jnp.asarray(kernel), axis, -1).reshape(inputs, outputs)
        if j is None:
            return matrix
        row = jnp.zeros(outputs, dtype) if bias is None else jnp.asarray(bias).astype(dtype)
        return jnp.concatenate([matrix, row[None]])

    def _check(self, i, leaf):
        if leaf is not None and jnp.shape(leaf) != self._shapes[i]:
            raise ValueError(
                f"`updates{self._names[i]}` must have the shape of its parameter, "
                f"{self._shapes[i]}, got {jnp.shape(leaf)}."
            )


def _stepped(params, direction, rate):
    """Return the parameters after a step against a direction; what has none stays."""
    small = jax.tree.map(
        lambda u: None if u is None else -scalar(rate, u) * u, direction, is_leaf=is_none
    )
    return jax.tree.map(
        lambda u, p: p if u is None else jnp.asarray(p + u.astype(jnp.result_type(p))),
        small,
        params,
        is_leaf=is_none,
    )


def _out_axis(name, shape, out_axis):
    if not -len(shape) <= out_axis < len(shape):
        raise ValueError(
            f"`out_axis` must be an axis of every kernel, got {out_axis} for {name}, {shape}."
        )
    return out_axis % len(shape)
