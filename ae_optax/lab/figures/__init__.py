"""Figures in one look: for pages, in the page's colours, or as files that carry their own."""

from ae_optax.lab.figures._axes import log_axes
from ae_optax.lab.figures._curves import draw_over_epochs, draw_over_rates
from ae_optax.lab.figures._format import number, percent, rate
from ae_optax.lab.figures._image import draw_image
from ae_optax.lab.figures._lines import Labels, Line, draw_line, limit
from ae_optax.lab.figures._palette import FAINT, colour, line_style
from ae_optax.lab.figures._panels import Panels, make_panels
from ae_optax.lab.figures._spread import Spread, spread_of
from ae_optax.lab.figures._standalone import standalone
from ae_optax.lab.figures._surface import draw_surface
from ae_optax.lab.figures._svg import drawing, to_svg

__all__ = [
    "FAINT",
    "Labels",
    "Line",
    "Panels",
    "Spread",
    "colour",
    "draw_image",
    "draw_line",
    "draw_over_epochs",
    "draw_over_rates",
    "draw_surface",
    "drawing",
    "limit",
    "line_style",
    "log_axes",
    "make_panels",
    "number",
    "percent",
    "rate",
    "spread_of",
    "standalone",
    "to_svg",
]
