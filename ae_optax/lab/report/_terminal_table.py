"""The verdict table for a terminal."""

from typing import Any

from ae_optax.lab.report._columns import worded
from ae_optax.lab.report._comparison_facts import ranked
from ae_optax.lab.report._sentences import remarks, verdict, without_result
from ae_optax.lab.runs import ComparisonRecord


class TerminalTable:
    """The verdict table, with as many columns as the console is wide.

    A renderable for :mod:`rich`, made by :func:`terminal_table`.
    """

    def __init__(self, record: ComparisonRecord):
        self._record = record

    def __rich_console__(self, console: Any, options: Any):
        """Yield the table, then verdict, remarks and failures."""
        from rich.measure import Measurement
        from rich.text import Text

        columns = worded(self._record)
        while True:
            table = _table(self._record, columns)
            fits = Measurement.get(console, options.update(max_width=10_000), table).maximum
            if fits <= options.max_width or len(columns) == 1:
                break
            columns.remove(min(columns, key=lambda column: column.keep))
        yield table
        for sentence in (verdict(self._record), *remarks(self._record)):
            yield Text(sentence)
        for label, reason in without_result(self._record):
            yield Text(f"{label}: {reason}")


def terminal_table(record: ComparisonRecord) -> TerminalTable:
    """Return the verdict table as something that ``rich`` prints.

    It fits the width of the console: where that is narrow, the less telling columns are left out.

    Args:
        record: A comparison, as in ``comparison.json``.

    Returns:
        A renderable: contenders, best first; the verdict; remarks; failures with their reasons.
    """
    return TerminalTable(record)


def _table(record, columns):
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("", overflow="ellipsis", no_wrap=True, max_width=24)
    for column in columns:
        table.add_column(column.short, justify="right", no_wrap=True)
    for rank, (_, contender) in enumerate(ranked(record)):
        cells = (contender.label, *(column.text(contender) for column in columns))
        # `Text`, as a label may hold what rich takes for markup.
        table.add_row(*map(Text, cells), style="bold" if rank == 0 else "")
    return table
