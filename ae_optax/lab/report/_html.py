"""Pieces of a page: the document around its sections, tables, facts, sections within sections."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape

from ae_optax.lab.report._style import CSS


def document(title: str, body: Iterable[str]) -> str:
    """Return a whole page: static, without scripts, that loads nothing.

    Args:
        title: Plain text.
        body: Lines of HTML.
    """
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{CSS}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>\n",
        )
    )


def opening(title: str, facts: Iterable[str]) -> Iterator[str]:
    """Yield the head of a page: its title and, below, facts in a line; both plain text."""
    yield f"<h1>{escape(title)}</h1>"
    yield f'<p class="byline">{escape(" · ".join(facts))}</p>'


def table(heads: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """Yield a table that scrolls where it is too wide.

    Args:
        heads: Plain text, that of the first column included.
        rows: The first cell as HTML, and the others as plain text.
    """
    yield '<div class="scroll" tabindex="0"><table>'
    yield "<thead><tr>"
    yield "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for name, cells in rows:
        yield f'<tr><th scope="row">{name}</th>{"".join(map(_cell, cells))}</tr>'
    yield "</tbody></table></div>"


def definitions(facts: Mapping[str, str]) -> Iterator[str]:
    """Yield facts by name, values as HTML; those without a value are left out."""
    yield '<dl class="facts">'
    yield from (f"<dt>{escape(k)}</dt><dd>{v}</dd>" for k, v in facts.items() if v)
    yield "</dl>"


def figures(drawings: Iterable[str], caption: str) -> Iterator[str]:
    """Yield figures side by side with one caption, plain text; below each other on a phone."""
    yield '<figure><div class="pair">'
    yield from (f"<div>{drawing}</div>" for drawing in drawings)
    yield f"</div><figcaption>{escape(caption)}</figcaption></figure>"


def nested(parts: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield sections as parts of one: heads a level down, names within figures kept apart.

    Args:
        parts: Lines of HTML.
        prefix: A word that no other section of the page is called by.
    """

    def named(tag):
        return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}-", tag[0])

    for part in parts:
        yield re.sub(r"<[^>]*>", named, re.sub(r"<(/?)h2>", r"<\1h3>", part))


def _cell(text):
    flagged = ' class="flag"' if text.endswith(("↑", "↓")) else ""
    return f"<td{flagged}>{escape(text)}</td>"
