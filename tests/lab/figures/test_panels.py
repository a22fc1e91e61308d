"""Small multiples, and the key above them."""

import pytest

from ae_optax.lab.figures import drawing, line_style, make_panels, to_svg


def size_of(panels):
    return tuple(72 * side for side in panels.figure.get_size_inches())


@pytest.fixture(autouse=True)
def _drawing():
    with drawing():
        yield


def test_there_is_a_panel_for_each_title_and_no_spare_one():
    panels = make_panels(["a", "b", "c"], columns=2)
    assert [axes.get_title(loc="left") for axes in panels.axes] == ["a", "b", "c"]
    assert len(panels.figure.axes) == 4
    assert not panels.figure.axes[3].axison  # What fills the last row is not seen.


@pytest.mark.parametrize(
    ("titles", "columns", "size"),
    [("abc", 2, (216, 116)), ("abc", 3, (316, 66)), ("a", 3, (116, 66))],
)
def test_each_panel_has_its_size_and_the_figure_a_margin(titles, columns, size):
    panels = make_panels(list(titles), columns=columns, size=(100, 50))
    assert size_of(panels) == pytest.approx(size)


def test_a_key_makes_the_figure_higher_and_shows_each_line_as_it_is_drawn():
    without = make_panels(["a"], columns=1)
    panels = make_panels(["a"], columns=1, key=[(0, "adam"), (2, "sgd")])
    assert size_of(panels)[1] > size_of(without)[1]
    (legend,) = panels.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["adam", "sgd"]
    colours = [line.get_color() for line in legend.get_lines()]
    assert colours == [line_style(0)["color"], line_style(2)["color"]]


def test_names_of_the_axes_are_written_once():
    panels = make_panels(["a", "b"], columns=2, x="steps", y="loss")
    svg = to_svg(panels.figure, name="figure", description="")
    assert svg.count(">steps<") == svg.count(">loss<") == 1


@pytest.mark.parametrize("shared", [True, False])
def test_axes_are_shared_if_they_are_to_be(shared):
    first, second = make_panels(["a", "b"], columns=2, share_x=shared, share_y=shared).axes
    first.set_xlim(0, 7)
    first.set_ylim(0, 9)
    assert (second.get_xlim() == (0, 7)) is shared
    assert (second.get_ylim() == (0, 9)) is shared
