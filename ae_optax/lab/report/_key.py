"""Keys to figures: how each contender's line and marker look."""

from collections.abc import Iterable
from html import escape

from ae_optax.lab.figures import colour, css_names, line_style


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
