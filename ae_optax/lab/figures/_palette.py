"""Colours, markers and dashes that tell contenders apart, to colour-blind readers too.

Figures are drawn in sentinel colours, which :mod:`ae_optax.lab.figures._svg` replaces by the page's
own: so one drawing serves light and dark. The hues are Okabe and Ito's, darkened or lightened until
they can be read as text.
"""

from typing import Any

INK = "#0a0b0c"
FAINT = "#1a1b1c"

LIGHT = (
    "#0072b2",
    "#d55e00",
    "#00855f",
    "#b3578c",
    "#b37a00",
    "#3591c9",
    "#6f6f00",
    "#6b6b6b",
)
DARK = (
    "#4ea8de",
    "#f0803c",
    "#2fbf93",
    "#dd94bd",
    "#e9b13b",
    "#9ad2f5",
    "#d8d04e",
    "#adadad",
)
_MARKERS = "osD^vP*X"
_DASHES = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))


def colour(position: int) -> str:
    """Return the sentinel colour of the contender at ``position``."""
    return f"#c0ffe{position % len(LIGHT)}"


def line_style(position: int) -> dict[str, Any]:
    """Return how to draw the line of the contender at ``position``."""
    return {
        "color": colour(position),
        "linestyle": _DASHES[position // len(LIGHT) % len(_DASHES)],
        "marker": _MARKERS[position % len(_MARKERS)],
        "markeredgewidth": 0,
        "markersize": 4.2,
        "linewidth": 1.4,
    }


def css_names() -> dict[str, str]:
    """Return what CSS calls each sentinel colour."""
    names = {INK: "currentColor", FAINT: "var(--faint)"}
    return names | {colour(i): f"var(--c{i})" for i in range(len(LIGHT))}


def css_variables(colours: tuple[str, ...]) -> str:
    """Return a palette as CSS declarations."""
    return " ".join(f"--c{i}: {value};" for i, value in enumerate(colours))
