"""Mappings become calls: names looked up, arguments bound to signatures."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ae_optax.lab.config import _values
from ae_optax.lab.config._call import FAILED, SWEPT, Call, plain
from ae_optax.lab.config._names import find_head, look_up, match
from ae_optax.lab.config._nodes import (
    SHARE,
    Entry,
    Items,
    Node,
    Scalar,
    Share,
    Table,
    anything,
    child,
    key_value,
    shown,
)
from ae_optax.lab.config._own import OwnCode, made_for
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._types import Accepts, Kind, accepts, annotations, counts_steps


@dataclass(frozen=True)
class Binder:
    """Reads nodes as what signatures ask for.

    Attributes:
        kinds: What a config can name.
        problems: Where mistakes are noted.
        swept: Whether a number may be ``swept``.
        own: Finds code of one's own.
    """

    kinds: Mapping[str, Kind]
    problems: Problems
    swept: bool = False
    own: OwnCode = field(default_factory=OwnCode)

    def value(self, node: Node, wanted: Accepts, path: str) -> Any:
        """Return what ``node`` says, or ``FAILED``."""
        if isinstance(node, Table) and wanted.table:
            return node
        if isinstance(node, Table) and wanted.kinds:
            return self.call(node, wanted.kinds, path)
        if isinstance(node, Table) and wanted.record is not None:
            return self.arguments(wanted.record, None, node.entries, node.where, path)
        if isinstance(node, Table) and wanted.mapping is not None:
            return self.mapping(node, wanted.mapping, path)
        if isinstance(node, Items) and wanted.sequence is not None:
            return self.sequence(node, wanted, path)
        if wanted.anything:
            return anything(node)
        if isinstance(node, Scalar):
            if self.swept and wanted.number and node.value == node.text == "swept":
                return SWEPT
            if wanted.steps and SHARE.fullmatch(str(node.value)):
                return Share(node.value)
            value, reason = _values.scalar(node, wanted)
        else:
            value, reason = FAILED, _values.expected(node, wanted)
        if reason:
            self.problems.add(node.where, path, reason)
        return value

    def mapping(self, node: Table, wanted: tuple[Accepts, Accepts], path: str) -> Any:
        """Return a dictionary whose keys and values are as wanted, or ``FAILED``."""
        result = {}
        for text, entry in node.entries.items():
            key = Scalar(entry.where, key_value(text), text)
            place = child(path, text)
            result[self.value(key, wanted[0], place)] = self.value(entry.node, wanted[1], place)
        unread = any(part is FAILED for pair in result.items() for part in pair)
        return FAILED if unread else result

    def sequence(self, node: Items, wanted: Accepts, path: str) -> Any:
        """Return a list or tuple whose items are as wanted, or ``FAILED``."""
        assert wanted.sequence is not None
        container, item, length = wanted.sequence
        if length not in (None, len(node.items)):
            self.problems.add(node.where, path, _values.expected(node, wanted))
            return FAILED
        values = [self.value(n, item, f"{path}[{i}]") for i, n in enumerate(node.items)]
        return FAILED if any(v is FAILED for v in values) else container(values)

    def call(self, node: Table, kinds: tuple[str, ...], path: str) -> Any:
        """Return the call that ``{name: ..., **arguments}`` means, or ``FAILED``."""
        head = find_head(node, kinds, path, self.problems)
        if head is None:
            return FAILED
        rest = dict(node.entries)
        entry = rest.pop(head[1])
        if head[0] == "chain":
            return replace(self.chain(entry.node, rest, node.where, path), node=node)
        owners = [self.kinds[k] for k in kinds]
        found = look_up(entry.node, owners, child(path, "name"), self.problems)
        if found is None:
            return FAILED
        name, kind = found
        function, code = kind.functions.get(name), None
        if function is None:
            try:
                function, code = self.own.find(kind.others.get(name, name))
                function = made_for(kind, function, name)
            except ValueError as error:
                self.problems.add(entry.node.where, child(path, "name"), str(error), cause=error)
                return FAILED
        call = self.arguments(function, name, rest, entry.node.where, path, kind.name)
        return replace(call, node=node, code=code)

    def chain(self, node: Node, rest: Mapping[str, Entry], where: Where, path: str) -> Call:
        """Return the call that ``{chain: [...]}`` means."""
        for key, entry in rest.items():
            reason = f"{{chain: [...]}} has no other key, got {key!r}."
            self.problems.add(entry.where, child(path, key), reason)
        function = self.kinds["optimizer"].functions["chain"]
        (parameter,) = inspect.signature(function).parameters
        if isinstance(node, Items):
            parts = self.sequence(node, CHAIN, child(path, "chain"))
        else:
            reason = f"expected a list of transformations, got {shown(node)}."
            self.problems.add(node.where, child(path, "chain"), reason)
            parts = FAILED
        places = {parameter: node.where}
        return Call(function, "chain", {parameter: parts}, path, where, places, "optimizer")

    def arguments(
        self,
        function: Callable[..., Any],
        name: str | None,
        entries: Mapping[str, Entry],
        where: Where,
        path: str,
        kind: str = "",
    ) -> Call:
        """Bind ``entries`` to the signature of ``function``.

        A misspelt argument is a problem, and is then read as what was meant, so that
        mistakes in its value come to light too.
        """
        parameters = annotations(function)
        given = match(entries, parameters, name, path, self.problems)
        bound, unread = {}, set()
        for key, parameter in parameters.items():
            place, wanted = child(path, key), accepts(parameter.annotation, self.kinds)
            if counts_steps(key, kind, function):
                wanted = wanted.in_steps()
            value = default = parameter.default
            if key in given:
                value = self._given(given[key], wanted, parameter, place)
            elif default is parameter.empty:
                value = self._missing(key, parameter, wanted, name, where, place)
            elif isinstance(default, type):
                value = plain(default)  # A dtype: `jnp.float32` is "float32" here.
            if value is FAILED and default is not parameter.empty:
                unread.add(key)
                value = default
            bound[key] = value
        places = {key: entry.node.where for key, entry in given.items()}
        return Call(function, name, bound, path, where, places, kind, frozenset(unread))

    def _given(self, entry, wanted, parameter, path):
        if parameter.kind is parameter.VAR_POSITIONAL:
            wanted = Accepts(sequence=(tuple, wanted, None))
        if not wanted.expressible and isinstance(entry.node, Scalar):
            default = parameter.default  # It may be said, though it says nothing new.
            if type(entry.node.value) is type(default) and entry.node.value == default:
                return default
        return self.value(entry.node, wanted, path)

    def _missing(self, key, parameter, wanted, name, where, path):
        if parameter.kind is parameter.VAR_POSITIONAL:
            return ()
        if self.swept and key == "learning_rate" and wanted.number:
            return SWEPT
        record = wanted.record
        if record is not None and not any(map(_required, annotations(record).values())):
            return self.arguments(record, None, {}, where, path)
        if name is None:
            reason = f"the {'key' if '.' in path else 'section'} {key!r} is missing."
        else:
            reason = f"{name} needs the argument {key!r}."
        if not wanted.expressible:
            reason += " A config cannot express it: use it from Python."
        self.problems.add(where, path, reason)
        return FAILED


CHAIN = Accepts(sequence=(tuple, Accepts(kinds=("optimizer",)), None))


def _required(parameter):
    return parameter.default is parameter.empty
