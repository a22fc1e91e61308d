"""What a page shows, as files beside it: figures for slides, tables for papers."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ae_optax.lab.figures import kept_figures
from ae_optax.lab.runs import read_text, write_file


class _Table(NamedTuple):
    title: str
    rows: Sequence[Sequence[str]]


def write_with_files(write: Callable[[], Path]) -> Path:
    """Write a page, and beside it its figures and tables, in ``figures`` and ``tables``.

    Each figure is an SVG and a PNG file with a key of its own, each table a Markdown and a LaTeX
    file (for the package ``booktabs``) with the digits of the page.

    Args:
        write: Writes the page and returns its path.

    Returns:
        The path of the page.

    Raises:
        OSError: If a file cannot be written.
    """
    with kept_figures() as figures:
        page = write()
    tables = list(_tables(read_text(page)))
    names = _names([figure.description for figure in figures])
    for folder in ("figures", "tables"):
        (page.parent / folder).mkdir(exist_ok=True)
    for name, figure in zip(names, figures, strict=True):
        write_file(page.parent / "figures" / f"{name}.svg", figure.svg)
        write_file(page.parent / "figures" / f"{name}.png", figure.png)
    for name, table in zip(_names([table.title for table in tables]), tables, strict=True):
        write_file(page.parent / "tables" / f"{name}.md", _markdown(table))
        write_file(page.parent / "tables" / f"{name}.tex", _latex(table))
    return page


def _tables(page: str) -> Iterator[_Table]:
    title = ""
    for found in re.finditer(r"<h[1-3]>(.*?)</h[1-3]>|<table>(.*?)</table>", page, re.DOTALL):
        if found[2] is None:
            title = _plain(found[1])
        else:
            rows = re.findall(r"<tr>(.*?)</tr>", found[2], re.DOTALL)
            cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
            yield _Table(title, [[_plain(cell) for cell in row] for row in cells])


def _plain(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def _names(titles: Sequence[str]) -> list[str]:
    """Return a file's name for each title, the second of a kind with a number."""
    names: list[str] = []
    for title in titles:
        words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-") or "untitled"
        name, number = words, 1
        while name in names:
            number += 1
            name = f"{words}-{number}"
        names.append(name)
    return names


def _markdown(table: _Table) -> str:
    head, *rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    rule = [":--", *["--:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def _latex(table: _Table) -> str:
    head, *rows = [" & ".join(map(_tex, row)) + r" \\" for row in table.rows]
    columns = "l" + "r" * (len(table.rows[0]) - 1)
    lines = [f"\\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule", *rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "×": r"$\times$", "±": r"$\pm$", "−": "$-$", "–": "--", "—": "---", "…": r"\dots{}",
        "↑": r"$\uparrow$", "↓": r"$\downarrow$", "\u202f": r"\,", "\u2009": r"\,",
        "\u00a0": "~",
    }
)  # fmt: skip


def _tex(text):
    raised = re.sub(r"[⁻⁰¹²³⁴-⁹]+", lambda found: f"\0{found[0]}\0", text).translate(_TEX)
    powers = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return re.sub("\0(.*?)\0", lambda found: f"$^{{{found[1].translate(powers)}}}$", raised)
