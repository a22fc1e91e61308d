"""An optimizer for each unit, so that a unit that is revived starts afresh."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_integer, check_params_given
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import check_shapes, is_none, map_updates


class ResetUnitsState(NamedTuple):
    """What :func:`reset_units` remembers between steps.

    Attributes:
        inner: State of the optimizers of all units. What has the shape of a parameter otherwise
            has it here; all else, a ``count`` for instance, has the units as its first axis.
    """

    inner: optax.OptState


@transformation
def reset_units(inner: optax.GradientTransformation, *, axis: int) -> optax.GradientTransformation:
    r"""Give every unit an optimizer state of its own, and start those over that are revived.

    A latent that never fires is revived by giving it new weights. What the optimizer remembers of
    it belongs to the old ones, and goes back to its start in the call

    .. code-block:: python

        updates, state = tx.update(grads, state, params, reset=revived)

    before the step is made: moments, counts, all that ``inner`` keeps. Every unit counts its own
    steps, so the bias of a revived unit's averages is corrected as it was at first. (Under one
    count for all, Adam's first step after a reset is :math:`(1 - \beta_1) / \sqrt{1 - \beta_2}`
    times as long, 3 times at its defaults and 32 times without momentum.)

    What stands outside goes on: put the learning rate there if it has a schedule, and whatever
    looks at several units at once, clipping by a global norm for instance, which inside would see
    each unit alone.

    .. code-block:: python

        by_path({
            "decoder/kernel": chain(reset_units(adam(1e-3), axis=0), retract_to_sphere(axis=0)),
            "encoder/*": reset_units(adam(1e-3), axis=-1),
            "**": adam(1e-3),
        })

    Args:
        inner: An optimizer or a part of one, :func:`~ae_optax.scale_by_rms` for instance.
        axis: The axis that counts the units, in every leaf: in a Flax autoencoder the latents are
            along the last (-1) of the encoder's kernel and bias and the first (0) of the decoder's
            kernel.

    Returns:
        A transformation that keeps structure, shapes and dtypes where ``inner`` does; it needs
        ``params``. Its ``update`` takes the argument ``reset``: a boolean for each unit, true for
        those that start over; or a tree of such masks with the structure of the parameters, or of
        their upper levels, in which ``None`` stands for no unit. Without it none does.

    Raises:
        TypeError: If ``inner`` is no gradient transformation or ``axis`` no integer; in ``update``,
            if ``reset`` is not boolean.
        ValueError: If a leaf has no such axis or leaves differ in the number of units; in
            ``update``, if ``params`` is missing or ``reset`` does not fit the parameters.

    References:
        Bricken et al., `Towards Monosemanticity: Decomposing Language Models With Dictionary
        Learning <https://transformer-circuits.pub/2023/monosemantic-features/index.html>`_,
        appendix on neuron resampling, Transformer Circuits Thread, 2023.
    """
    check_transformation("inner", inner)
    check_integer("axis", axis)
    inner = optax.with_extra_args_support(inner)

    def axes_of(state, axes_more=0):
        """Return the axis that counts the units in every leaf of the state."""

        def at(place, part):
            def axis_in(leaf):
                ndim = leaf.ndim + axes_more
                return axis if isinstance(place, _Place) and -ndim <= axis < ndim else 0

            return jax.tree.map(axis_in, part)

        places = jax.eval_shape(inner.init, _Place())
        return jax.tree.map(at, places, state, is_leaf=lambda x: isinstance(x, _Place))

    def start(params):
        units = _count_units(params, axis)
        if units is None:
            return inner.init(params)
        one = jax.eval_shape(inner.init, jax.tree.map(lambda p: _without(p, axis), params))
        axes = axes_of(one, axes_more=1)
        return jax.vmap(inner.init, in_axes=axis, out_axes=axes)(jax.tree.map(_concrete, params))

    def init(params):
        return ResetUnitsState(start(params))

    def update(updates, state, params=None, *, reset=None, **extra):
        check_params_given(params)
        check_shapes(updates, params)
        units, state = _count_units(params, axis), state.inner
        if units is None:
            out, state = inner.update(updates, state, params, **extra)
            return out, ResetUnitsState(state)
        axes = axes_of(state)
        if reset is not None:
            mask = _mask(reset, params, units)
            state = jax.tree.map(
                lambda new, old, at: jnp.where(_beside(mask, old, at), new, old),
                start(params),
                state,
                axes,
            )
        step = jax.vmap(
            lambda u, s, p: inner.update(u, s, p, **extra),
            in_axes=(axis, axes, axis),
            out_axes=(axis, axes),
        )
        arrays = map_updates(lambda u: u, updates), state, jax.tree.map(jnp.asarray, params)
        out, state = step(*arrays)
        return out, ResetUnitsState(state)

    return optax.GradientTransformationExtraArgs(init, update)


class _Place(NamedTuple):
    """Stands for the parameters in a state, to find what has their shape; it has no leaves."""


def _count_units(params, axis) -> int | None:
    """Return the number of units, ``None`` if there is no parameter at all."""
    found = {}
    for keys, leaf in jax.tree.leaves_with_path(params):
        shape = jnp.shape(leaf)
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"`axis` must be an axis of every leaf, got {axis} for {shape}.")
        found.setdefault(shape[axis], jax.tree_util.keystr(keys))
    if len(found) > 1:
        counts = " and ".join(f"{n} in `params{where}`" for n, where in found.items())
        raise ValueError(
            f"`axis` must count the same units in every leaf, got {counts} along axis {axis}. "
            "Give each its own `reset_units` by `by_path`."
        )
    return next(iter(found), None)


def _mask(reset, params, units):
    """Return which units are revived in any of the parameters."""
    try:
        masks = jax.tree.leaves(jax.tree.broadcast(reset, params, is_leaf=is_none))
    except ValueError as error:
        raise ValueError(
            "`reset` must be one mask, or a tree of masks with the structure of the parameters or "
            f"of their upper levels, got {jax.tree.structure(reset)}."
        ) from error
    revived = jnp.zeros(units, bool)
    for mask in masks:
        mask: Any = jnp.asarray(mask)
        if mask.dtype != bool:
            raise TypeError(f"`reset` must be boolean, got {mask.dtype}.")
        if mask.shape != (units,):
            raise ValueError(
                f"`reset` must have one boolean for each of the {units} units, got {mask.shape}."
            )
        revived = revived | mask
    return revived


def _beside(mask, x, axis):
    """Give ``mask`` as many axes as ``x``, its own at ``axis``."""
    return jnp.expand_dims(mask, [i for i in range(x.ndim) if i != axis % x.ndim])


def _without(x, axis):
    """Return shape and dtype of what one unit has of ``x``."""
    shape = list(jnp.shape(x))
    del shape[axis]
    return jax.ShapeDtypeStruct(tuple(shape), jnp.result_type(x))


def _concrete(x):
    return jnp.zeros(x.shape, x.dtype) if isinstance(x, jax.ShapeDtypeStruct) else jnp.asarray(x)
