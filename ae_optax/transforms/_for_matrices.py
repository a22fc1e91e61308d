"""Leaves that are matrices, and the others: a transformation for each."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import is_none


class ForMatricesState(NamedTuple):
    """What :func:`for_matrices` remembers between steps.

    Attributes:
        matrices: State of the transformation of matrices; ``optax.MaskedNode()`` for other leaves.
        others: State of the transformation of the others, likewise.
    """

    matrices: optax.OptState
    others: optax.OptState


@transformation
def for_matrices(
    matrices: optax.GradientTransformation,
    *,
    others: optax.GradientTransformation,
    out_axis: int = -1,
    stack_axes: int = 0,
) -> optax.GradientTransformation:
    """Give matrices to one transformation, (inputs, outputs) each, and all else to another.

    A leaf is a matrix if it has two axes or more besides those that stack layers. Of its axes one
    counts the outputs, and the others, laid end to end, the inputs: a convolution's kernel is the
    matrix of all that one output sees. What the first transformation gets has its last two axes
    (inputs, outputs), behind one that counts the layers of a stack.

    An embedding is a matrix by its shape, but not by what it does: give it, and other leaves that
    are exceptions, to another optimizer with :func:`by_path`.

    Args:
        matrices: For matrices; it is told (inputs, outputs).
        others: For everything else.
        out_axis: The axis that counts the outputs: the last for kernels of Flax and Keras,
            (inputs, outputs) or (height, width, inputs, outputs); the first, behind the stack, for
            PyTorch's weights.
        stack_axes: How many axes in front count layers that are stacked.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params`` if a part does.

    Raises:
        ValueError: If ``stack_axes`` is negative; in ``update``, if a leaf has no such axis.
        TypeError: If a part is no gradient transformation or an axis no integer.
    """
    check_transformation("matrices", matrices)
    check_transformation("others", others)
    check_integer("out_axis", out_axis)
    check_integer("stack_axes", stack_axes, 0)
    rule, rest = map(optax.with_extra_args_support, (matrices, others))

    def is_matrix(leaf):
        return jnp.ndim(leaf) >= stack_axes + 2

    def place(shape):
        own = len(shape) - stack_axes
        if not -own <= out_axis < own:
            raise ValueError(
                f"`out_axis` must be an axis of every matrix, got {out_axis} for {shape}."
            )
        return stack_axes + out_axis % own

    def as_matrix(leaf):
        if isinstance(leaf, jax.ShapeDtypeStruct):
            return jax.eval_shape(as_matrix, leaf)
        at = place(leaf.shape)
        if leaf.ndim == stack_axes + 2 and at == leaf.ndim - 1 and stack_axes < 2:
            return leaf
        x = jnp.moveaxis(leaf, at, -1)
        stack = [math.prod(x.shape[:stack_axes])] if stack_axes else []
        return x.reshape(*stack, math.prod(x.shape[stack_axes:-1]), x.shape[-1])

    def as_it_was(x, like):
        at = place(like.shape)
        return jnp.moveaxis(x.reshape(*_without(like.shape, at), like.shape[at]), -1, at)

    def split(tree):
        own = _chosen(tree, lambda leaf: as_matrix(leaf) if is_matrix(leaf) else optax.MaskedNode())
        others = _chosen(tree, lambda leaf: optax.MaskedNode() if is_matrix(leaf) else leaf)
        return own, others

    def init(params):
        own, remaining = split(params)
        return ForMatricesState(rule.init(own), rest.init(remaining))

    def update(updates, state, params=None, **extra):
        own, remaining = split(updates)
        params_own, params_rest = (None, None) if params is None else split(params)
        out, matrices_state = rule.update(own, state.matrices, params_own, **extra)
        plain, others_state = rest.update(remaining, state.others, params_rest, **extra)

        def joined(g, x, other):
            if g is None:
                return None
            return other if isinstance(x, optax.MaskedNode) else as_it_was(x, g)

        joint = jax.tree.map(joined, updates, out, plain, is_leaf=is_none)
        return joint, ForMatricesState(matrices_state, others_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _without(shape, at):
    return shape[:at] + shape[at + 1 :]


def _chosen(tree, choice):
    """Apply ``choice`` to every leaf; a missing gradient, which may be of any kind, stays."""
    return jax.tree.map(lambda x: None if x is None else choice(x), tree, is_leaf=is_none)
