"""The window of usable rates: straight lines in logarithms, ended by divergence and by the grid."""

import math

import numpy as np
import pytest

from ae_optax.lab.study import rate_window

RATES = [1e-3, 1e-2, 1e-1, 1.0, 10.0]


def test_its_ends_lie_where_straight_lines_in_logarithms_cross_the_level():
    # One decade from the best the loss is e times larger, on a line: 1.1 times at log(1.1) of it.
    losses = [math.exp(abs(k)) for k in (-2, -1, 0, 1, 2)]
    ends = rate_window(RATES, losses, within=1.1)
    share = 10 ** math.log(1.1)
    np.testing.assert_allclose(ends, (0.1 / share, 0.1 * share), rtol=1e-12)


def test_it_ends_where_the_line_first_leaves_the_level():
    low, high = rate_window(RATES, [1.0, 9.0, 1.0, 0.99, 9.0], within=1.5)
    assert 1e-2 < low < 1e-1
    assert 1.0 < high < 10.0


def test_it_ends_at_the_last_rate_that_did_not_diverge():
    assert rate_window(RATES, [None, 1.0, 1.05, None, 1.0], within=1.1) == pytest.approx(
        (1e-2, 0.1)
    )
    assert rate_window(RATES, [9, math.nan, 1.0, math.inf, 1], within=1.1) == pytest.approx(
        (0.1, 0.1)
    )


def test_it_ends_where_the_rates_end():
    assert rate_window(RATES, [1.0] * 5, within=1.1) == pytest.approx((1e-3, 10.0))


def test_it_is_the_best_rate_alone_if_nothing_else_may_be_lost():
    assert rate_window(RATES, [3, 2, 1, 2, 3], within=1) == pytest.approx((0.1, 0.1))


def test_there_must_be_a_rate_that_did_not_diverge():
    with pytest.raises(ValueError, match=r"`losses` must hold a finite one, got none: every rate"):
        rate_window(RATES, [None, math.nan, math.inf, None, None], within=1.1)
