"""Lines of equal loss."""

import numpy as np
import pytest

from ae_optax.lab.figures import draw_surface, drawing, make_panels


def bowl(x):
    return 3 + (x * x).sum(axis=1)


@pytest.fixture
def axes():
    with drawing():
        yield make_panels(["a"], columns=1).axes[0]


def test_heights_are_at_equal_ratios_above_the_lowest_point(axes):
    draw_surface(axes, bowl, x=(-1, 1), y=(-1, 1), levels=5)
    above = np.log(axes.collections[0].levels - 3)
    assert len(above) == 5
    np.testing.assert_allclose(np.diff(above), above[1] - above[0])


def test_all_but_the_lowest_and_the_highest_points_lie_between_two_lines(axes):
    draw_surface(axes, bowl, x=(-1, 1), y=(-1, 1))
    lowest, *_, highest = axes.collections[0].levels
    assert lowest < 3.01
    assert highest == 5


def test_it_fits_the_axes_to_what_is_in_sight(axes):
    draw_surface(axes, bowl, x=(-2, 1), y=(0, 3))
    assert axes.get_xlim() == (-2, 1)
    assert axes.get_ylim() == (0, 3)
