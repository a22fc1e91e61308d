"""A figure as a file of its own: it brings the colours that a page would lend it."""

import re
from typing import Any

from ae_optax.lab.figures._palette import DARK, LIGHT, css_variables
from ae_optax.lab.figures._svg import to_svg

_FONT = 'font-family: system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif'
_DAY = f"background: #fff; color: #1b1b1b; --faint: #8a8a8a; {css_variables(LIGHT)}"
_NIGHT = f"background: #141414; color: #e6e6e6; --faint: #7d7d7d; {css_variables(DARK)}"
_STYLE = (
    f"<style>svg {{ {_FONT}; {_DAY} }}\n"
    f"@media (prefers-color-scheme: dark) {{ svg {{ {_NIGHT} }} }}</style>"
)
_PIXELS_PER_POINT = 4 / 3


def standalone(figure: Any, *, description: str) -> str:
    """Return a figure as the text of an SVG file, light by day and dark by night.

    Args:
        figure: A Matplotlib figure, drawn within :func:`~ae_optax.lab.figures.drawing`.
        description: What it shows, for those who cannot see it.
    """
    head, body = to_svg(figure, name="figure", description=description).split(">", 1)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    assert size is not None
    width, height = (round(float(side) * _PIXELS_PER_POINT) for side in size.groups())
    attributes = f' xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    return f"{head}{attributes}>\n{_STYLE}\n{body}\n"
