"""Records as JSON, and back: the types of a record's fields are the description of its file."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ae_optax.lab.runs._files import DamagedError, shown

Record = TypeVar("Record")
_FLAT = "flat"


def flat() -> Any:
    """Return the field of a record, a mapping, whose entries stand in the file beside the others.

    It holds all that no other field is called by.
    """
    return dataclasses.field(default_factory=dict, metadata={_FLAT: True})


def to_json(value: Any) -> Any:
    """Return a record, or a part of one, as JSON has it; a number not finite is ``None``."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value):
        content = {}
        for field in dataclasses.fields(value):
            part = to_json(getattr(value, field.name))
            content |= part if _FLAT in field.metadata else {field.name: part}
        return content
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[Record], content: Any, where: str | Path) -> Record:
    """Return the record that :func:`to_json` was given.

    Names that it does not know are passed over. ``None`` where a number is due is NaN; a field
    that is missing has its default.

    Args:
        kind: The dataclass.
        content: What JSON said.
        where: The file, and the line if there are several records in it.

    Raises:
        DamagedError: If it does not fit, with the place: ``contenders[2].best must be ...``.
    """
    try:
        return _reader(kind)(content)
    except _MisfitError as error:
        place = f"`{error.path.lstrip('.')}` " if error.path else ""
        raise DamagedError(f"{where}: {place}{error}.") from error


class _MisfitError(Exception):
    """What does not fit its type; ``path`` leads there, and grows from the inside out."""

    path = ""


def _refuse(rule: str, value: Any) -> NoReturn:
    raise _MisfitError(f"must be {rule}, got {shown(value)}")


def _within(place, read, value):
    try:
        return read(value)
    except _MisfitError as error:
        error.path = f"{place}{error.path}"
        raise


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return what turns values of JSON into those of a type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return lambda value: value
    if kind in (float, int):
        return {float: _float, int: _integer}[kind]
    if dataclasses.is_dataclass(kind):
        return _record(kind)
    if origin is types.UnionType:
        (some,) = (_reader(option) for option in arguments if option is not types.NoneType)
        return lambda value: None if value is None else some(value)
    if origin is typing.Literal:
        rule = f"one of {', '.join(arguments)}"
        return lambda value: value if value in arguments else _refuse(rule, value)
    if origin is tuple:
        return _tuple([_reader(one) for one in arguments])
    if origin is Sequence:
        return _list(_reader(arguments[0]))
    if origin is Mapping:
        read = _reader(arguments[1])
        return lambda value: {k: _within(f".{k}", read, v) for k, v in _object(value).items()}
    rule = {str: "text", bool: "true or false"}[kind]
    return lambda value: value if type(value) is kind else _refuse(rule, value)


def _float(value):
    if value is None:
        return math.nan
    return value if type(value) is float else float(_integer(value, "a number"))


def _integer(value, rule="an integer"):
    if type(value) is not int:
        _refuse(rule, value)
    # What is written here fits, and a float of 400 digits would be an error of another kind.
    return value if -(2**63) <= value < 2**63 else _refuse(f"{rule} of 64 bits", value)


def _object(value):
    return value if isinstance(value, dict) else _refuse("an object", value)


def _list(read):
    def read_list(value):
        if not isinstance(value, list):
            _refuse("a list", value)
        return [_within(f"[{i}]", read, item) for i, item in enumerate(value)]

    return read_list


def _tuple(readers):
    def read_tuple(value):
        if not isinstance(value, list) or len(value) != len(readers):
            _refuse(f"a list of {len(readers)}", value)
        pairs = enumerate(zip(readers, value, strict=True))
        return tuple(_within(f"[{i}]", read, item) for i, (read, item) in pairs)

    return read_tuple


def _record(kind):
    hints, fields = typing.get_type_hints(kind), dataclasses.fields(kind)
    readers = {f.name: _reader(hints[f.name]) for f in fields if _FLAT not in f.metadata}
    rest = next((f.name for f in fields if _FLAT in f.metadata), None)
    none = dataclasses.MISSING
    required = [f.name for f in fields if f.default is none and f.default_factory is none]

    def read_record(value):
        content = _object(value)
        if missing := [name for name in required if name not in content]:
            raise _MisfitError(f"must have `{missing[0]}`, got {shown(value)}")
        own = {n: _within(f".{n}", r, content[n]) for n, r in readers.items() if n in content}
        if rest is not None:
            others = {name: item for name, item in content.items() if name not in readers}
            own[rest] = _reader(hints[rest])(others)
        return kind(**own)

    return read_record
