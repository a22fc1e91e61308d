import numpy as np

from ae_optax.lab.figures import spread_of


def test_it_is_the_median_and_the_range_over_the_first_axis():
    spread = spread_of([[1, 20], [3, 10], [2, 60]])
    np.testing.assert_array_equal(spread, [[2, 20], [1, 10], [3, 60]])


def test_what_is_not_finite_or_absent_is_infinitely_large():
    spread = spread_of([[1.0, np.nan, -np.inf], [2.0, None, 1.0], [3.0, 1.0, 2.0]])
    np.testing.assert_array_equal(spread.median, [2, np.inf, 2])
    np.testing.assert_array_equal(spread.lowest, [1, 1, 1])
    np.testing.assert_array_equal(spread.highest, [3, np.inf, np.inf])


def test_a_curve_keeps_its_other_axes():
    assert spread_of(np.zeros((3, 4, 5))).median.shape == (4, 5)
