"""Tables as CSV, which a spreadsheet opens without being told what to do."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

COMMANDS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, whatever quotes are around it."""


def csv_text(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV: a header, then rows; ``None`` is an empty field.

    A text that a spreadsheet would evaluate, ``=HYPERLINK(...)`` in a label for instance, gets an
    apostrophe before it.

    Args:
        names: Of the columns.
        rows: Numbers in full, texts and ``None``, as many as there are names.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_harmless(cell) for cell in row] for row in (names, *rows))
    return text.getvalue()


def _harmless(cell):
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(COMMANDS) else cell
