"""What is wrong with a config: one line each, all at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

MOST = 100


class Where(NamedTuple):
    """A place in a config: a file with line and column, or an option of the command line."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Problem:
    """One mistake in a config.

    Attributes:
        file: The file, or the option ``--set path=value`` that is to blame.
        line: Counted from one; ``None`` where there is no line.
        column: Counted from one; ``None`` where there is no column.
        path: Which part of the config, as in ``optimizer.chain[1].eps``; may be empty.
        reason: What is wrong, and the way out if there is one.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    reason: str

    def __str__(self) -> str:
        """Return one line: place, path, reason."""
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return ": ".join(filter(None, (place, self.path, self.reason)))


class ConfigError(ValueError):
    """A config that cannot be used; its text is one line for each problem, the first 100.

    Attributes:
        problems: All that is wrong, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=_order)
        lines = [str(problem) for problem in self.problems[:MOST]]
        more = len(self.problems) - len(lines)
        super().__init__("\n".join(lines + [f"and {more} more."] * bool(more)))


class Problems:
    """Collects problems, so that all of a file are reported at once."""

    def __init__(self) -> None:
        self.found: dict[Problem, None] = {}
        self.cause: Exception | None = None

    def __len__(self) -> int:
        """Return how many there are so far."""
        return len(self.found)

    def add(self, where: Where, path: str, reason: str, *, cause: Exception | None = None) -> None:
        """Note a problem, once; ``cause`` is the error behind it, if there was one."""
        self.found.setdefault(Problem(*where, path, " ".join(reason.split())))
        self.cause = self.cause or cause

    def extend(self, others: "Problems") -> None:
        """Note other problems, each once."""
        self.found |= others.found
        self.cause = self.cause or others.cause

    def raise_all(self) -> NoReturn:
        """Raise :class:`ConfigError` with what was found."""
        raise ConfigError(self.found) from self.cause

    def raise_if_any(self) -> None:
        """Raise :class:`ConfigError` if anything was found."""
        if self.found:
            self.raise_all()


def _order(problem):
    # Options of the command line follow the file, in their own order.
    if problem.line is None:
        return (1, 0, 0)
    return (0, problem.line, problem.column)
