"""A figure as a file of its own."""

import re
import xml.etree.ElementTree as ET

import pytest

from ae_optax.lab.figures import colour, draw_surface, drawing, line_style, make_panels, standalone
from ae_optax.lab.figures._palette import DARK, FAINT, INK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"
DESCRIPTION = 'Where "a" & b < c go.'


def example():
    """Return a figure in all colours."""
    panels = make_panels(["a & b", "c"], columns=2, size=(150, 100), key=[(0, "x < 1")])
    draw_surface(panels.axes[0], lambda x: (x * x).sum(axis=1), x=(-1, 1), y=(-1, 1))
    for i in range(2 * len(LIGHT)):
        panels.axes[1].plot([0, 1], [0, i], **line_style(i))
    return panels.figure


@pytest.fixture(scope="module")
def svg():
    with drawing():
        return standalone(example(), description=DESCRIPTION)


def test_it_is_an_svg_that_says_what_it_shows(svg):
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["aria-label"] == DESCRIPTION
    assert "a & b" in "".join(root.itertext())


def test_its_size_is_the_figures_in_pixels(svg):
    root = ET.fromstring(svg)
    width, height = (72 * side for side in example().get_size_inches())
    box = [float(side) for side in root.attrib["viewBox"].split()]
    assert box == pytest.approx([0, 0, width, height])
    assert int(root.attrib["width"]) == round(width * 4 / 3)
    assert int(root.attrib["height"]) == round(height * 4 / 3)


@pytest.mark.parametrize(("palette", "at_night"), [(LIGHT, False), (DARK, True)])
def test_it_carries_the_colours_of_day_and_of_night(svg, palette, at_night):
    day, night = ET.fromstring(svg).find(f"{SVG}style").text.split("@media")
    assert "prefers-color-scheme: dark" in night
    style = night if at_night else day
    assert re.findall(r"--c\d: (#[0-9a-f]+);", style) == list(palette)
    assert "--faint: #" in style


def test_every_colour_it_uses_is_one_it_has(svg):
    style = svg[svg.index("<style>") : svg.index("</style>")]
    used = set(re.findall(r"var\((--\w+)\)", svg))
    assert used == set(re.findall(r"(--\w+):", style))
    assert len(used) == len(LIGHT) + 1


def test_no_colour_of_the_drawing_is_left(svg):
    drawn = svg[svg.index("</style>") :]
    assert not [mark for mark in (INK, FAINT, *map(colour, range(8))) if mark in drawn.lower()]
    # Neither is one that came from nowhere, such as Matplotlib's own.
    assert set(re.findall(r"#[0-9a-f]{6}\b", drawn)) <= {"#ffffff", "#000000"}


def test_the_same_figure_gives_the_same_bytes(svg):
    with drawing():
        assert standalone(example(), description=DESCRIPTION) == svg


def test_another_figure_does_not(svg):
    figure = example()
    figure.axes[0].set_xlim(-2, 2)
    with drawing():
        assert standalone(figure, description=DESCRIPTION) != svg
