"""Parameters by where they stand in their tree: paths, patterns of paths, masks."""

import re
from collections.abc import Callable
from typing import Any

import jax

from ae_optax._checks import shown
from ae_optax._trees import path_of


class PathError(ValueError):
    """Patterns and the parameters they are meant for do not fit together."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that tells whether a path matches ``pattern``.

    Raises:
        TypeError: If ``pattern`` is no text.
        ValueError: If it has an empty segment.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"`pattern` must be text, got {shown(pattern)}.")
    segments = pattern.split("/")
    if not all(segments):
        raise ValueError(f"`pattern` must have a name between slashes, got {shown(pattern)}.")
    *most, last = (_expression(segment) for segment in segments)
    deep = "(?:[^/]+/)*"  # What `**/` stands for: any number of segments, also none.
    body = "".join(deep if part is None else f"{part}/" for part in most)
    compiled = re.compile(body + (".*" if last is None else last), re.DOTALL)
    return lambda path: compiled.fullmatch(path) is not None


def path_mask(*patterns: str) -> Callable[[Any], Any]:
    """Make a mask of the parameters whose path matches one of some patterns.

    For ``weight_decay_mask`` and ``optax.masked``: ``adamw(1e-3,
    weight_decay_mask=path_mask("**/kernel"))`` decays no bias.

    Args:
        *patterns: Such as ``"encoder/**"`` or ``"**/kernel"``; ``*`` and ``?`` stand for any and
            for one character of a name, ``**`` for any number of names, also none.

    Returns:
        A function of the parameters that returns a tree of booleans of their structure.

    Raises:
        TypeError: If a pattern is no text.
        ValueError: If there is no pattern, or one has an empty name.
    """
    if not patterns:
        raise ValueError("`patterns` must name at least one pattern, got none.")
    matchers = [matcher(pattern) for pattern in patterns]

    def mask(params):
        def matches(keys, _):
            return any(match(path_of(keys)) for match in matchers)

        # A missing gradient has a place, too.
        return jax.tree.map_with_path(matches, params, is_leaf=lambda x: x is None)

    return mask


def _expression(segment):
    if segment == "**":
        return None
    return re.escape(segment).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
