"""Different rules for different leaves, told apart by path and parameter."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import optax

from ae_optax._transformation import transformation
from ae_optax._trees import is_none


class ByKindState(NamedTuple):
    """What :func:`by_kind` remembers between steps.

    Attributes:
        inner: The state of each rule, by kind, with ``optax.MaskedNode`` for the others' leaves.
    """

    inner: dict[str, optax.OptState]


@transformation
def by_kind(
    rules: Mapping[str, optax.GradientTransformation], kind: Callable[[Any, Any], str]
) -> optax.GradientTransformation:
    """Let each leaf take the rule of its kind.

    As ``optax.partition``, but a missing gradient passes through.

    Args:
        rules: The rule for each kind.
        kind: Of the key path of a leaf and the parameter (where ``update`` has none, the
            gradient), the kind.

    Returns:
        A transformation that needs ``params`` if one of the rules does.
    """
    rules = {key: optax.with_extra_args_support(rule) for key, rule in rules.items()}

    def kinds_of(tree):
        return jax.tree.map_with_path(
            lambda path, leaf: None if leaf is None else kind(path, leaf), tree, is_leaf=is_none
        )

    def init(params):
        kinds = kinds_of(params)
        return ByKindState(
            {key: rule.init(_only(key, kinds, params)) for key, rule in rules.items()}
        )

    def update(updates, state, params=None, **extra):
        kinds = kinds_of(updates if params is None else params)
        out, inner = {}, {}
        for key, rule in rules.items():
            seen = None if params is None else _only(key, kinds, params)
            out[key], inner[key] = rule.update(
                _only(key, kinds, updates), state.inner[key], seen, **extra
            )
        chosen = jax.tree.map(
            lambda k, *each: None if k is None else dict(zip(out, each, strict=True))[k],
            kinds,
            *out.values(),
            is_leaf=is_none,
        )
        return chosen, ByKindState(inner)

    return optax.GradientTransformationExtraArgs(init, update)


def _only(key, kinds, tree):
    """Return ``tree`` with ``optax.MaskedNode`` in place of what is of another kind."""
    return jax.tree.map(
        lambda k, leaf: leaf if k in (key, None) else optax.MaskedNode(),
        kinds,
        tree,
        is_leaf=is_none,
    )
