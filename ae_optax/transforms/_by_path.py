"""Groups of parameters, by path: a transformation for each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import optax

from ae_optax._checks import shown
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import is_none, path_of
from ae_optax.transforms._paths import PathError, matcher


class ByPathState(NamedTuple):
    """What :func:`by_path` remembers between steps.

    Attributes:
        groups: State of each group's transformation, in the order of the patterns; what belongs
            to other groups is ``optax.MaskedNode()`` there.
    """

    groups: tuple[Any, ...]


@transformation
def by_path(groups: Mapping[str, optax.GradientTransformation]) -> optax.GradientTransformation:
    """Give every parameter to the first pattern that its path matches.

    A path names the keys, indices and attributes from the root: ``"encoder/0/kernel"``. In a
    pattern ``*`` and ``?`` stand for any and for one character of a name, and ``**`` for any
    number of names, also none. A group is a whole optimizer, with a learning rate, a decay or a
    clipping of its own; what it computes over all leaves, a norm for instance, it computes over
    its own.

    .. code-block:: python

        by_path({
            "encoder/**": freeze(),
            "**/bias": chain(adam(1e-3), scale(0.1)),  # A tenth of the rate.
            "**": adamw(1e-3, weight_decay=0.1),
        })

    Optax: ``partition``.

    Args:
        groups: Transformations by pattern; the order decides where several match.

    Returns:
        A transformation that keeps structure, shapes and dtypes where its parts do; it needs
        ``params`` if one of them does. Every part keeps state for its own parameters only.

    Raises:
        ValueError: If ``groups`` is empty or a pattern has an empty name. In ``init``, if a
            parameter matches no pattern, or a pattern is the first match of none.
        TypeError: If ``groups`` is no mapping, a pattern no text or a value no transformation.
    """
    if not isinstance(groups, Mapping):
        raise TypeError(f"`groups` must be a mapping of patterns, got {shown(groups)}.")
    if not groups:
        raise ValueError("`groups` must have at least one pattern, got none.")
    matchers = [matcher(pattern) for pattern in groups]
    for pattern, part in groups.items():
        check_transformation(f"groups[{pattern!r}]", part)
    parts = [optax.with_extra_args_support(part) for part in groups.values()]

    def group_of(keys):
        path = path_of(keys)
        return next((i for i, match in enumerate(matchers) if match(path)), None)

    def members(tree, group):
        def keep(keys, leaf):
            return leaf if group_of(keys) == group else optax.MaskedNode()

        return jax.tree.map_with_path(keep, tree, is_leaf=is_none)

    def init(params):
        _check_paths(params, tuple(groups), group_of)
        return ByPathState(tuple(part.init(members(params, i)) for i, part in enumerate(parts)))

    def update(updates, state, params=None, **extra):
        outs, states = [], []
        for i, part in enumerate(parts):
            own = None if params is None else members(params, i)
            out, new = part.update(members(updates, i), state.groups[i], own, **extra)
            outs.append(out)
            states.append(new)
        return jax.tree.map(_chosen, *outs, is_leaf=_is_place), ByPathState(tuple(states))

    return optax.GradientTransformationExtraArgs(init, update)


def _check_paths(params, patterns, group_of):
    keys = [keys for keys, _ in jax.tree.leaves_with_path(params)]
    found = [group_of(k) for k in keys]
    lost = [path_of(k) for k, group in zip(keys, found, strict=True) if group is None]
    if lost:
        raise PathError(
            f"`groups` must match every parameter, got no pattern for {', '.join(map(repr, lost))}."
            f" Patterns: {', '.join(map(repr, patterns))}."
        )
    unused = [pattern for i, pattern in enumerate(patterns) if i not in found]
    if keys and unused:
        paths = ", ".join(repr(path_of(k)) for k in keys)
        raise PathError(
            f"`groups` must have no pattern without a parameter of its own, got "
            f"{', '.join(map(repr, unused))}. Parameters: {paths}."
        )


def _chosen(*candidates):
    """Return what the group that owns this place gives out."""
    own = [c for c in candidates if not isinstance(c, optax.MaskedNode)]
    return own[0] if own else optax.MaskedNode()


def _is_place(x):
    return x is None or isinstance(x, optax.MaskedNode)
