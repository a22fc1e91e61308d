"""From a figure to SVG that belongs to the page around it."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from html import escape
from typing import Any

from ae_optax.lab.figures._palette import FAINT, INK, css_names

FONT_SIZE = 9.5

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "ae_optax",
    "svg.fonttype": "none",
    "font.size": FONT_SIZE,
    "font.family": ["DejaVu Sans"],
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
    "path.simplify": False,
}
_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Draw as the page wants it while the block runs, whatever the reader's own settings."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # A label may hold letters that the measuring font lacks; the browser's fonts have them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def to_svg(figure: Any, *, name: str, description: str) -> str:
    """Return a figure as an ``svg`` element.

    The same figure gives the same bytes: no dates, no random names.

    Args:
        figure: A Matplotlib figure, drawn within :func:`drawing`.
        name: A word that no other figure of the page is called by; keeps their names apart.
        description: What it shows, for those who cannot see it.

    Returns:
        The element; colours are the page's, text is text in the page's font.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_METADATA)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' font-family: [^;"]*;', "", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    # Within tags only: what is written in a figure keeps its digits.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), svg)
    for sentinel, colour in css_names().items():
        svg = svg.replace(sentinel, colour)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    head = f'<svg {box[0]} role="img" aria-label="{escape(description)}">'
    return _squeezed(head + svg[svg.index(">") + 1 :])


def _squeezed(svg):
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"\s+\n|\n\s*", "\n", svg)
    return re.sub(r" ?\n([LCQZz])", r" \1", svg).strip()
