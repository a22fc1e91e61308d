"""Pieces of a page: the document around its sections, tables, facts, sections within sections."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape

from ae_optax.lab.figures import colour, css_names, line_style
from ae_optax.lab.report._style import CSS

_ABSOLUTE = re.compile(r"(?<![\w.:/~…])(?:/|[A-Za-z]:[/\\])(?:[^\s/\\'\"<>|:,;()]+[/\\])+")
_MARKERS = {
    "o": "M13 4a3 3 0 1 1-6 0a3 3 0 1 1 6 0z",
    "s": "M7.4 1.4h5.2v5.2h-5.2z",
    "D": "M10 .4l3.6 3.6l-3.6 3.6l-3.6-3.6z",
    "^": "M10 .6l3.4 6.2h-6.8z",
    "v": "M10 7.4l3.4-6.2h-6.8z",
    "P": "M8.8 .8h2.4v2h2v2.4h-2v2h-2.4v-2h-2v-2.4h2z",
    "*": "M10 0l1.2 2.8l3 .2l-2.3 1.9l.8 3l-2.7-1.6l-2.7 1.6l.8-3l-2.3-1.9l3-.2z",
    "X": "M8 .7l2 2l2-2l1.3 1.3l-2 2l2 2l-1.3 1.3l-2-2l-2 2l-1.3-1.3l2-2l-2-2z",
}


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


def without_folders(text: str) -> str:
    """Return a text with absolute paths cut down to their last names: a page is passed on."""
    return _ABSOLUTE.sub("…/", text)


def config_details(config: str) -> Iterator[str]:
    """Yield a config that is shown when it is asked for."""
    yield "<details><summary>The config, every default written out</summary>"
    yield f"<pre>{escape(without_folders(config))}</pre></details>"


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


def key_to(names: Iterable[tuple[int, str]]) -> str:
    """Return a key to figures, from positions and labels."""
    entries = (f"<span>{swatch(i)}{escape(label)}</span>" for i, label in names)
    return f'<div class="key" aria-hidden="true">{"".join(entries)}</div>'


def swatch(position: int) -> str:
    """Return the line and the marker of the contender at ``position`` as a small drawing."""
    style = line_style(position)
    stroke = css_names()[colour(position)]
    dashes = style["linestyle"]
    pattern = "" if dashes == "-" else ' stroke-dasharray="' + " ".join(map(str, dashes[1])) + '"'
    return (
        '<svg class="swatch" viewBox="0 0 20 8" aria-hidden="true">'
        f'<path d="M0 4H20" stroke="{stroke}" stroke-width="1.8"{pattern}/>'
        f'<path d="{_MARKERS[style["marker"]]}" fill="{stroke}"/></svg>'
    )
