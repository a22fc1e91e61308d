"""Figures in one look: for pages, in the page's colours, or as files that carry their own."""

from ae_optax.lab._format import number, percent, rate
from ae_optax.lab.figures._axes import (
    Level,
    draw_level,
    log_axes,
    make_axes,
    rate_axis,
    value_axis,
)
from ae_optax.lab.figures._curves import draw_over_epochs, draw_over_rates
from ae_optax.lab.figures._image import draw_image
from ae_optax.lab.figures._lines import Labels, Line, draw_line, fit_value_axis, line_figure
from ae_optax.lab.figures._losses import Drawing, draw_losses
from ae_optax.lab.figures._names_beside import label_curves
from ae_optax.lab.figures._palette import (
    DARK,
    FAINT,
    LIGHT,
    colour,
    css_names,
    css_variables,
    line_style,
)
from ae_optax.lab.figures._panels import Panels, make_panels
from ae_optax.lab.figures._spread import Spread, spread_of
from ae_optax.lab.figures._surface import draw_surface
from ae_optax.lab.figures._svg import (
    FONT_SIZE,
    FigureFile,
    drawing,
    kept_figures,
    standalone,
    to_svg,
)

__all__ = [
    "DARK",
    "FAINT",
    "FONT_SIZE",
    "LIGHT",
    "Drawing",
    "FigureFile",
    "Labels",
    "Level",
    "Line",
    "Panels",
    "Spread",
    "colour",
    "css_names",
    "css_variables",
    "draw_image",
    "draw_level",
    "draw_line",
    "draw_losses",
    "draw_over_epochs",
    "draw_over_rates",
    "draw_surface",
    "drawing",
    "fit_value_axis",
    "kept_figures",
    "label_curves",
    "line_figure",
    "line_style",
    "log_axes",
    "make_axes",
    "make_panels",
    "number",
    "percent",
    "rate",
    "rate_axis",
    "spread_of",
    "standalone",
    "to_svg",
    "value_axis",
]
