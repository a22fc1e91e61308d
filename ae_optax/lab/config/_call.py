"""A function and its arguments, bound but not yet called."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from ae_optax.lab.config._nodes import Node, Share, child
from ae_optax.lab.config._own import Code
from ae_optax.lab.config._problems import Problems, Where


class Unset:
    """The type of the two marks that stand where a value is still to come."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        """Return the name."""
        return self.name


SWEPT = Unset("swept")
"""Stands where a comparison puts the learning rate."""

FAILED = Unset("failed")
"""Stands where a value could not be read; a problem says why."""

ABOUT = re.compile(r"`(?P<name>\w+)[^`]*`(.* got (?P<value>.*)\.$)?", re.DOTALL)
"""How a message about an argument begins, and how it ends: with the value."""

STAND_INS = {"schedule": optax.constant_schedule(1.0), "optimizer": optax.identity()}
"""Used for parts that failed, so that the whole can still check its other arguments."""


@dataclass(frozen=True)
class Call:
    """What a mapping ``{name: f, **arguments}`` means.

    Attributes:
        function: What is to be called.
        name: Its name in configs; ``None`` for a section that has none.
        arguments: All of them, defaults included: plain values, calls, lists of these.
        path: Which part of the config this is.
        where: Where it stands.
        places: Where each argument that was given stands.
        kind: The kind of thing it makes, ``"schedule"`` for instance.
        unread: Arguments that could not be read; a problem says why, the default stands in.
        node: The mapping, as it was written.
        code: Of one's own, if the function is.
    """

    function: Callable[..., Any]
    name: str | None
    arguments: Mapping[str, Any]
    path: str = field(default="", compare=False)
    where: Where = field(default=Where("config"), compare=False)
    places: Mapping[str, Where] = field(default_factory=dict, compare=False)
    kind: str = field(default="", compare=False)
    unread: frozenset[str] = field(default=frozenset(), compare=False)
    node: Node | None = field(default=None, compare=False)
    code: Code | None = None

    def build(self, values: Mapping[str, Any] | None = None) -> Any:
        """Call the function, and before it those that make its arguments.

        Args:
            values: Numbers or traced scalars to put in the place of arguments, by their paths,
                ``optimizer.learning_rate`` for instance.

        Raises:
            ConfigError: If a function refuses its arguments.
        """
        problems = Problems()
        made = self.try_build(problems, values)
        problems.raise_if_any()
        return made

    def try_build(self, problems: Problems, values: Mapping[str, Any] | None = None) -> Any:
        """Do as :meth:`build` does, but note problems and return ``FAILED`` after one."""
        before = len(problems)
        given = values or {}

        def made_of(value, path):
            if isinstance(value, Share):
                return value.steps or self._refuse(value, path, problems)
            if path in given or not isinstance(value, Call):
                return given.get(path, value)
            made = value.try_build(problems, given)
            return STAND_INS.get(value.kind, FAILED) if made is FAILED else made

        made = _mapped(made_of, self.arguments, self.path)
        if any(value is FAILED for _, value in _leaves(made, self.path)):
            return FAILED
        result = self._run(made, problems)
        return result if len(problems) == before and self.complete else FAILED

    def _run(self, made, problems):
        signature = inspect.signature(self.function)
        bound = inspect.BoundArguments(signature, made)  # pyright: ignore[reportArgumentType]
        try:
            return self.function(*bound.args, **bound.kwargs)
        except Exception as error:
            # Whatever it is, these arguments made it.
            argument = self._blamed(error)
            where, path = self.blame(error)
            problems.add(where, path, describe(error), cause=error)
        default = signature.parameters[argument].default if argument else inspect.Parameter.empty
        known = argument in self.places and default is not inspect.Parameter.empty
        if known and made[argument] is not default:
            self._run({**made, argument: default}, problems)  # More may be wrong.
        return FAILED

    def _refuse(self, share, path, problems):
        reason = f"how many steps {share.text} is depends on the data: take `config.timed(images)`."
        problems.add(self.where, path, reason)
        return FAILED

    def timed(self, steps: int) -> "Call":
        """Return this call with its parts of the run counted, for a run of so many steps."""

        def counted(value, _):
            if isinstance(value, Call):
                return value.timed(steps)
            return value.of(steps) if isinstance(value, Share) else value

        return replace(self, arguments=_mapped(counted, self.arguments, self.path))

    def filled(self, values: Mapping[str, Any]) -> "Call":
        """Return this call with values in the place of arguments, by their paths."""

        def filled_in(value, path):
            return value.filled(values) if isinstance(value, Call) else values.get(path, value)

        return replace(self, arguments=_mapped(filled_in, self.arguments, self.path))

    def place(self, argument: str) -> tuple[Where, str]:
        """Return place and path of an argument; one that was not given has the call's place."""
        return self.places.get(argument, self.where), child(self.path, argument)

    def blame(self, error: Exception) -> tuple[Where, str]:
        """Return place and path of the argument that an error is about, or of the call."""
        argument = self._blamed(error)
        if argument is None:
            return self.where, self.path
        where, path = self.place(argument)
        return where, child(self.path, "chain") if self.name == "chain" else path

    def blames(self, error: Exception) -> bool:
        """Tell whether an error is about one of the arguments."""
        return self._blamed(error) is not None

    def _blamed(self, error):
        match = ABOUT.match(str(error))
        if match and match["name"] in self.arguments:
            return match["name"]
        # A part may call it by another name: `decay` is `b1` to Adam.
        same = [k for k in self.places if match and repr(self.arguments[k]) == match["value"]]
        return same[0] if len(same) == 1 else None

    def plain(self) -> dict[str, Any]:
        """Return the mapping that means this call, every default written.

        A default that is no plain value (a function, say) is left out.
        """
        if self.name == "chain":
            return {"chain": [plain(part) for parts in self.arguments.values() for part in parts]}
        head = {} if self.name is None else {"name": self.name}
        values = {key: plain(value) for key, value in self.arguments.items()}
        # Keras has an argument `name`, which a config cannot give: there it is the function's.
        said = {k: v for k, v in values.items() if v is not FAILED and k not in head}
        return head | said

    def walk(self) -> Iterator["Call"]:
        """Yield this call and all that are nested in it, from the inside out."""
        yield from calls(self.arguments)
        yield self

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """Yield path and value of every argument that is no call, those of nested calls too."""
        yield from _leaves(self.arguments, self.path)

    def swept(self) -> tuple[str, ...]:
        """Return the paths of the arguments that are marked ``swept``."""
        return tuple(path for path, value in self.leaves() if value is SWEPT)

    def shares(self) -> dict[str, str]:
        """Return the arguments that are parts of the run, as they were written, by path."""
        return {path: value.text for path, value in self.leaves() if isinstance(value, Share)}

    def steps(self) -> tuple[int | None, ...]:
        """Return how many steps each part of the run is, as far as :meth:`timed` has said."""
        return tuple(value.steps for _, value in self.leaves() if isinstance(value, Share))

    @property
    def complete(self) -> bool:
        """Tell whether every argument could be read."""
        return not any(value is FAILED for _, value in self.leaves())


def plain(value: Any) -> Any:
    """Return ``value`` in words of YAML, or ``FAILED`` if there are none."""
    if isinstance(value, Call):
        return value.plain()
    if value is SWEPT:
        return "swept"
    if isinstance(value, Share):
        return value.text
    if isinstance(value, Mapping):
        values = {key: plain(v) for key, v in value.items()}
        return FAILED if any(v is FAILED for v in values.values()) else values
    if isinstance(value, list | tuple):
        values = [plain(v) for v in value]
        return FAILED if any(v is FAILED for v in values) else values
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        return value.item()
    try:
        return jnp.dtype(value).name
    except TypeError:
        return FAILED


def describe(error: Exception) -> str:
    """Return an error's message in one line, with its type where that says more."""
    message = " ".join(str(error).split())
    plain_words = isinstance(error, ValueError | TypeError) and message
    return message if plain_words else f"{type(error).__name__}: {message}"


def _mapped(change, value, path):
    """Return ``value`` with everything in it that is no container changed."""
    if isinstance(value, Mapping):
        return {k: _mapped(change, v, child(path, str(k))) for k, v in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        items = [_mapped(change, v, f"{path}[{i}]") for i, v in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    return change(value, path)


def _leaves(value, path):
    if isinstance(value, Call):
        yield from value.leaves()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, child(path, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def calls(value: Any) -> Iterator[Call]:
    """Yield the calls that ``value`` is or holds, and those that are nested in them."""
    if isinstance(value, Call):
        yield from value.walk()
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from calls(item)
