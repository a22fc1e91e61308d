"""Gradient transformations that know how they were made."""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ParamSpec

import optax

from ae_optax._checks import shown

P = ParamSpec("P")


class Transformation(optax.GradientTransformationExtraArgs):
    """An Optax transformation that remembers its name, its arguments and what it is made of.

    Attributes:
        name: The function that made it.
        arguments: What that function was called with, defaults included.
        body: The transformation it is an abbreviation of, or ``None`` for a primitive.
    """

    # What is left after `_replace` or a tree map, which keep the two functions only.
    name: str = "transformation"
    arguments: Mapping[str, Any] = MappingProxyType({})
    body: optax.GradientTransformation | None = None

    def __repr__(self) -> str:
        """Return the call that makes this transformation."""
        arguments = ", ".join(_shown(key, value) for key, value in self.arguments.items())
        return f"{self.name}({arguments})"


def transformation(
    factory: Callable[P, optax.GradientTransformation],
) -> Callable[P, Transformation]:
    """Decorate a function that makes a transformation, so that the result can be described.

    What comes out accepts and ignores extra keyword arguments of ``update``, as Optax asks.
    """
    signature = inspect.signature(factory)

    @functools.wraps(factory)
    def make(*args: P.args, **kwargs: P.kwargs) -> Transformation:
        made = factory(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        result = Transformation(*optax.with_extra_args_support(made))
        result.name = factory.__name__
        result.arguments = dict(bound.arguments)
        result.body = made if isinstance(made, Transformation) else None
        return result

    return make


def check_transformation(name: str, value: object) -> None:
    """Raise ``TypeError`` unless ``value`` is a gradient transformation."""
    if not isinstance(value, optax.GradientTransformation):
        raise TypeError(
            f"`{name}` must be a gradient transformation, got {shown(value)}."
            + (" Call it to make one." if callable(value) else "")
        )


def _shown(key, value):
    if key == "transformations":
        return ", ".join(map(repr, value))
    return f"{key}={getattr(value, '__name__', None) or repr(value)}"
