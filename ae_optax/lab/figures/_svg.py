"""From a figure to SVG that belongs to the page around it."""

import contextlib
import contextvars
import io
import re
import warnings
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

from ae_optax.lab.figures._palette import DARK, FAINT, INK, LIGHT, colour, css_names, css_variables

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
_DOTS_PER_INCH = 200
_FONT = 'font-family: system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif'
_DAY = f"background: #fff; color: #1b1b1b; --faint: #8a8a8a; {css_variables(LIGHT)}"
_NIGHT = f"background: #141414; color: #e6e6e6; --faint: #7d7d7d; {css_variables(DARK)}"
_STYLE = (
    f"<style>svg {{ {_FONT}; {_DAY} }}\n"
    f"@media (prefers-color-scheme: dark) {{ svg {{ {_NIGHT} }} }}</style>"
)
_PIXELS_PER_POINT = 4 / 3


class FigureFile(NamedTuple):
    """A figure outside a page.

    Attributes:
        description: What it shows.
        svg: The text of an SVG file.
        png: The content of a PNG file, light.
    """

    description: str
    svg: str
    png: bytes


_KEPT: contextvars.ContextVar[list[FigureFile] | None] = contextvars.ContextVar(
    "kept", default=None
)


@contextlib.contextmanager
def kept_figures() -> Iterator[list[FigureFile]]:
    """Keep the figures that are drawn while the block runs, each with a key, as files."""
    kept: list[FigureFile] = []
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


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
    svg = _cleaned(figure, name, description)
    kept = _KEPT.get()
    if kept is not None:
        _add_key(figure)
        text = as_file(_cleaned(figure, "figure", description, bbox_inches="tight"))
        kept.append(FigureFile(description, text, _png(figure)))
    return svg


def _cleaned(figure, name, description, **options):
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_METADATA, **options)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' font-family: [^;"]*;', "", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    # Within tags only: what is written in a figure keeps its digits.
    svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), svg)
    for sentinel, own in css_names().items():
        svg = svg.replace(sentinel, own)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    head = f'<svg {box[0]} role="img" aria-label="{escape(description)}">'
    return _squeezed(head + svg[svg.index(">") + 1 :])


def _squeezed(svg):
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"\s+\n|\n\s*", "\n", svg)
    return re.sub(r" ?\n([LCQZz])", r" \1", svg).strip()


def as_file(svg: str) -> str:
    """Return an ``svg`` element as the text of a file, light by day and dark by night."""
    head, body = svg.split(">", 1)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    assert size is not None
    width, height = (round(float(side) * _PIXELS_PER_POINT) for side in size.groups())
    attributes = f' xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    return f"{head}{attributes}>\n{_STYLE}\n{body}\n"


def standalone(figure: Any, *, description: str) -> str:
    """Return a figure as the text of an SVG file, light by day and dark by night.

    Args:
        figure: A Matplotlib figure, drawn within :func:`drawing`.
        description: What it shows, for those who cannot see it.
    """
    return as_file(to_svg(figure, name="figure", description=description))


def _add_key(figure):
    """Write above a figure what its lines are: the page has that outside of it."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if labels:
        figure.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(0, 1), frameon=False,
            ncols=min(4, len(labels)), fontsize=FONT_SIZE - 0.5, borderpad=0,
        )  # fmt: skip


def _png(figure):
    """Return the content of a PNG file, in the light palette instead of the sentinels."""
    from matplotlib import colors

    hues = {INK: "#1b1b1b", FAINT: "#8a8a8a"} | {colour(i): hue for i, hue in enumerate(LIGHT)}
    for artist in figure.findobj():
        for part in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            get, put = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
            if get is None or put is None:
                continue
            found = colors.to_rgba_array(get())
            hue = hues.get(colors.to_hex(found[0])) if len(found) else None
            if hue is not None:
                put(colors.to_rgba(hue, found[0, 3]))
    file = io.BytesIO()
    figure.savefig(
        file, format="png", dpi=_DOTS_PER_INCH, facecolor="white", bbox_inches="tight",
        metadata={"Software": None},
    )  # fmt: skip
    return file.getvalue()
