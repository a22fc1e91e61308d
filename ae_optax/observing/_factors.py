"""The damping in force, and how unlike directions are to the factors of matrix optimizers."""

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax._due import if_due
from ae_optax._matrices._decompositions import eigenvalues
from ae_optax._matrices._products import product
from ae_optax._numbers import default_float
from ae_optax._transformation import Transformation
from ae_optax._trees import own_keys, states_of, zero_for
from ae_optax.observing._composition import parts
from ae_optax.transforms import AdaptDampingState, InBasisState, PreconditionState


def find_damping(
    transformation: optax.GradientTransformation, state: optax.OptState
) -> jax.Array | None:
    """Return the damping in force, ``None`` if there is none, or several.

    Args:
        transformation: What holds one, as the argument ``damping`` of a part of it.
        state: Its state, which knows better where the damping is adapted.
    """
    adapted = states_of(state, AdaptDampingState)
    found = [each.damping for each in adapted] or list(_dampings(transformation))
    return default_float(found[0]) if len(found) == 1 else None


def _dampings(transformation) -> Iterator[Any]:
    if not isinstance(transformation, Transformation):
        return
    if "damping" in transformation.arguments:
        yield transformation.arguments["damping"]
        return
    own = [part for _, part in parts(transformation)]
    # An abbreviation holds what it was given twice: once more where it is written out.
    inner = own if transformation.body is None else [transformation.body]
    for part in inner:
        yield from _dampings(part)


def unmeasured_conditions(state: optax.OptState) -> dict[str, jax.Array]:
    """Return a zero for every leaf of which a state has inverse roots or bases, by its path."""
    return {name: zero_for(own[0][0], float) for name, own in _factors_of(state).items()}


def conditions(
    state: optax.OptState, before: optax.OptState, known: dict[str, jax.Array]
) -> dict[str, jax.Array]:
    """Return the largest condition of a factor of every leaf, measured where factors are new.

    Args:
        state: After a step.
        before: Before it.
        known: What was measured before.
    """
    old = _factors_of(before)
    found = {}
    for name, own in _factors_of(state).items():
        pairs = zip(own, old[name], strict=True)
        new = jnp.any(jnp.stack([jnp.any(m != n) for (m, _), (n, _) in pairs]))

        def measured(_, own=own):
            each = [_condition(_eigenvalues(*factor)) for factor in own]
            return jnp.max(jnp.stack(list(map(default_float, each))))

        found[name] = if_due(new, measured, known[name])
    return found


def _factors_of(state):
    """Return for every leaf its factors: inverse roots, or bases each with its statistic."""
    found: dict[str, list[tuple[jax.Array, jax.Array | None]]] = {}
    for one in states_of(state, PreconditionState):
        for name, roots in _by_leaf(one.roots).items():
            found.setdefault(name, []).extend((root, None) for root in roots)
    for one in states_of(state, InBasisState):
        kept = _by_leaf(one.statistics)
        for name, bases in _by_leaf(one.bases).items():
            # Beside a matrix for each axis a statistic may keep what is none.
            matrices = [a for a in kept[name] if a.ndim == 3 and a.shape[1] == a.shape[2]]
            if len(matrices) == len(bases):
                found.setdefault(name, []).extend(zip(bases, matrices, strict=True))
    return {name: own for name, own in found.items() if own}


def _by_leaf(spread):
    """Return the arrays of every leaf, by its path, of trees that they are spread over."""
    keyed = itertools.chain.from_iterable(map(jax.tree.leaves_with_path, spread))
    found: dict[str, list[Any]] = {}
    for path, leaf in keyed:
        found.setdefault(jax.tree_util.keystr(own_keys(path)), []).append(leaf)
    return found


def _eigenvalues(factor, statistic):
    """Return the eigenvalues of inverse roots, or those of a statistic along its basis."""
    if statistic is None:
        return eigenvalues(factor)
    return jnp.sum(factor * product(statistic, factor), -2)


def _condition(values):
    """Return the largest ratio of two eigenvalues; more than rounding can tell is that."""
    largest = jnp.max(jnp.abs(values), -1)
    least = jnp.maximum(jnp.min(values, -1), float(jnp.finfo(values.dtype).eps) * largest)
    return jnp.max(jnp.where(largest > 0, largest / jnp.where(least > 0, least, 1), 1.0))
