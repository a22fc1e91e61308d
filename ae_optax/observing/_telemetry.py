"""Measurements of every step, kept in the state."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._numbers import default_float
from ae_optax._transformation import check_transformation
from ae_optax._transformation import transformation as makes_transformation
from ae_optax._trees import map_updates, store, zero_for
from ae_optax.observing._composition import chained, series
from ae_optax.observing._factors import conditions, find_damping, unmeasured_conditions
from ae_optax.observing._measure import add_up, changed, each, measure, share_in_any
from ae_optax.observing._rate import find_learning_rate
from ae_optax.transforms import global_norm


class StageNorms(NamedTuple):
    """Norms around one stage of a chain, over all leaves; shape (), default float dtype.

    Attributes:
        norm_before: Of what goes in.
        norm_after: Of what comes out.
    """

    norm_before: jax.Array
    norm_after: jax.Array


class Telemetry(NamedTuple):
    """What :func:`with_telemetry` measured at the last step.

    Numbers have shape () and the default float dtype, counts int32. Before the first step they
    are 0, except for the learning rate.

    Attributes:
        learning_rate_in_force: The rate used, times the scale of every ``reduce_on_plateau``;
            ``None`` if there is none, or several.
        gradient_norm: Euclidean norm over all leaves of what came in.
        update_norm: The same of what came out.
        update_ratio: ``update_norm`` over the norm of the parameters; 0 without ``params``.
        stages: The norms around every stage, by its name; a second one of the name is ``name_2``.
        effective_rate_mean: Of every leaf, the mean of :math:`|u| / |g|` over the coordinates
            whose gradient is not zero; 0 if there is none. Structure of the parameters.
        effective_rate_min: The smallest, likewise; infinite if there is none.
        effective_rate_max: The largest, likewise; 0 if there is none.
        clipped_fraction: Share of the coordinates changed by a stage whose name begins with
            ``clip``.
        nonfinite_gradients: How many numbers that came in, in all steps so far, were not finite;
            stops at its largest value.
        nonfinite_updates: How many that came out, likewise.
        damping: That of a rule of layers, ``kfac`` for instance, followed by ``adapt_damping``;
            ``None`` if there is none, or several.
        factor_condition: Of every leaf with inverse roots or bases, those of ``precondition`` and
            ``in_basis``, by its path: the largest eigenvalue over the smallest of what is
            multiplied with along an axis, or of the statistic along its basis, that of the worst
            axis, when it was last renewed; at most one over machine epsilon. Else empty.
    """

    learning_rate_in_force: Any
    gradient_norm: jax.Array
    update_norm: jax.Array
    update_ratio: jax.Array
    stages: dict[str, StageNorms]
    effective_rate_mean: Any
    effective_rate_min: Any
    effective_rate_max: Any
    clipped_fraction: jax.Array
    nonfinite_gradients: jax.Array
    nonfinite_updates: jax.Array
    damping: Any
    factor_condition: dict[str, jax.Array]


class WithTelemetryState(NamedTuple):
    """What :func:`with_telemetry` remembers between steps.

    Attributes:
        inner_state: State of the transformation it wraps.
        telemetry: The measurements.
    """

    inner_state: optax.OptState
    telemetry: Telemetry


@makes_transformation
def with_telemetry(transformation: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Measure what a transformation does, and leave what it does as it is.

    The measurements are part of the state and have one structure from the start, so they survive
    ``jax.lax.scan``, where they can be put out at every step; :func:`~ae_optax.read` finds them:
    ``read(state, "gradient_norm")``, ``read(state, "clip_by_global_norm.norm_after")``. They cost
    a few reductions over the leaves and, whenever inverse roots are renewed, their eigenvalues;
    and nothing where this is not used. They may change the last
    bit of an update: which product of a sum is rounded by itself is up to the compiler, and it
    decides by who else reads it.

    Stages are those of :func:`~ae_optax.chain`, also of one that an optimizer of this package
    abbreviates. Anything else, such as an ``optax.chain``, is one stage.

    Args:
        transformation: What is measured.

    Returns:
        A transformation whose updates are those of ``transformation``; it needs ``params`` if
        that does, and for ``update_ratio``.

    Raises:
        TypeError: If ``transformation`` is no gradient transformation.
    """
    check_transformation("transformation", transformation)
    names = _distinct([stage.name for stage in series(transformation)])
    clips = [name.removeprefix("optax.").startswith("clip") for name in names]

    def init(params):
        inner_state = transformation.init(params)

        def nothing():
            return jax.tree.map(lambda p: zero_for(p, float), params)

        def zero():
            return zero_for(params, float)

        return WithTelemetryState(
            inner_state,
            Telemetry(
                learning_rate_in_force=find_learning_rate(inner_state),
                gradient_norm=zero(),
                update_norm=zero(),
                update_ratio=zero(),
                stages={n: StageNorms(zero(), zero()) for n in names},
                effective_rate_mean=nothing(),
                effective_rate_min=nothing(),
                effective_rate_max=nothing(),
                clipped_fraction=zero() if any(clips) else default_float(0.0),
                nonfinite_gradients=zero_for(params, jnp.int32),
                nonfinite_updates=zero_for(params, jnp.int32),
                damping=find_damping(transformation, inner_state),
                factor_condition=unmeasured_conditions(inner_state),
            ),
        )

    def update(updates, state, params=None, **extra):
        seen = [updates]  # What goes into the first stage, and what comes out of each.
        out, inner_state = _update(
            transformation, updates, state.inner_state, params, extra, seen.append
        )
        # What is only looked at has no derivative: the reduction below knows none.
        seen = jax.lax.stop_gradient(seen)
        norms = list(map(global_norm, seen))
        pairs = list(itertools.pairwise(seen))
        clipped = [changed(*pair) for pair, clip in zip(pairs, clips, strict=True) if clip]
        leaves = map_updates(measure, seen[0], seen[-1])
        before = state.telemetry
        own = functools.partial(jax.tree.map, jnp.copy)  # One array in two places is not donated.
        ratio = jnp.zeros_like(norms[-1])  # Without `params` there is nothing to compare with.
        if params is not None:
            ratio = norms[-1] / jax.lax.stop_gradient(global_norm(params))
        return out, WithTelemetryState(
            inner_state,
            Telemetry(
                learning_rate_in_force=own(find_learning_rate(inner_state)),
                gradient_norm=norms[0],
                update_norm=own(norms[-1]),
                update_ratio=ratio,
                stages={
                    name: StageNorms(*own(pair))
                    for name, pair in zip(names, itertools.pairwise(norms), strict=True)
                },
                effective_rate_mean=store(each("mean", leaves), before.effective_rate_mean),
                effective_rate_min=store(each("smallest", leaves), before.effective_rate_min),
                effective_rate_max=store(each("largest", leaves), before.effective_rate_max),
                clipped_fraction=share_in_any(clipped),
                nonfinite_gradients=add_up(
                    before.nonfinite_gradients, each("bad_gradients", leaves)
                ),
                nonfinite_updates=add_up(before.nonfinite_updates, each("bad_updates", leaves)),
                damping=own(find_damping(transformation, inner_state)),
                factor_condition=conditions(
                    *jax.lax.stop_gradient((inner_state, state.inner_state)),
                    before.factor_condition,
                ),
            ),
        )

    return optax.GradientTransformationExtraArgs(init, update)


def _update(transformation, updates, state, params, extra, see):
    """Do as ``transformation.update`` does, and show ``see`` what comes out of each stage."""
    parts = chained(transformation)
    if parts is None or len(parts) != len(state):  # The latter is an error, and it says so.
        transformation = optax.with_extra_args_support(transformation)
        updates, state = transformation.update(updates, state, params, **extra)
        see(updates)
        return updates, state
    states = []
    for part, part_state in zip(parts, state, strict=True):
        updates, part_state = _update(part, updates, part_state, params, extra, see)
        states.append(part_state)
    return updates, tuple(states)


def _distinct(names):
    return [
        name if name not in names[:i] else f"{name}_{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]
