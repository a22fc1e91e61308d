"""What a transformation is made of."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import optax

from ae_optax._transformation import Transformation


class Stage(NamedTuple):
    """One transformation of a series.

    Attributes:
        name: What it is called.
        transformation: It.
        within: The abbreviations it is written out from, outermost first: ``("adam",)``.
    """

    name: str
    transformation: optax.GradientTransformation
    within: tuple[Transformation, ...]

    def __str__(self) -> str:
        """Return the name and, if any, the optimizer it belongs to."""
        return f"{self.name} (in {self.within[-1].name})" if self.within else self.name


def name_of(transformation: optax.GradientTransformation) -> str:
    """Return a transformation's name; of one that is not ours, the function that made it."""
    if isinstance(transformation, Transformation):
        return transformation.name
    update = transformation.update
    maker, inner, _ = getattr(update, "__qualname__", "").partition(".<locals>")
    if not inner:
        return "transformation"
    return f"optax.{maker}" if update.__module__.startswith("optax.") else maker


def written_out(transformation: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return the primitive, chain or quotient that a transformation is an abbreviation of."""
    while isinstance(transformation, Transformation) and transformation.body is not None:
        transformation = transformation.body
    return transformation


def chained(
    transformation: optax.GradientTransformation,
) -> tuple[optax.GradientTransformation, ...] | None:
    """Return the parts of a chain, or of an abbreviation of one; ``None`` of anything else."""
    full = written_out(transformation)
    if isinstance(full, Transformation) and full.name == "chain":
        return tuple(full.arguments["transformations"])
    return None


def series(
    transformation: optax.GradientTransformation, within: tuple[Transformation, ...] = ()
) -> Iterator[Stage]:
    """Yield the stages of a transformation, chains in chains laid end to end."""
    inner = chained(transformation)
    if inner is None:
        yield Stage(name_of(transformation), transformation, within)
        return
    if isinstance(transformation, Transformation) and transformation.body is not None:
        within = (*within, transformation)
    for part in inner:
        yield from series(part, within)


def parts(transformation: optax.GradientTransformation) -> list[tuple[str, Any]]:
    """Return the transformations among a transformation's arguments, with what to call them."""
    if not isinstance(transformation, Transformation):
        return []
    return [
        part for key, value in transformation.arguments.items() for part in parts_of(key, value)
    ]


def parts_of(name: str, value: Any) -> list[tuple[str, Any]]:
    """Return the transformations that an argument is or holds, with what to call them."""
    if _is_part(value):
        return [(name, value)]
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items() if _is_part(part)]
    if isinstance(value, list | tuple):
        return [("", part) for part in value if _is_part(part)]
    return []


def _is_part(value):
    return isinstance(value, optax.GradientTransformation)
