"""Intervals and ranks over seeds."""

import itertools

import numpy as np
import pytest

from ae_optax.lab.comparison import uncertainty
from ae_optax.lab.runs import Rank


def every_draw(losses):
    """Return the medians of all equally likely draws of the seeds, one row a contender."""
    n = losses.shape[1]
    draws = np.array(list(itertools.product(range(n), repeat=n)))
    return np.median(losses[:, draws], axis=2)


@pytest.fixture
def losses():
    return np.random.default_rng(0).normal(size=(4, 5)) * 0.3 + np.arange(4)[:, None] * 0.2


def test_intervals_are_those_of_all_draws(losses):
    medians = every_draw(losses)
    expected = np.quantile(medians, (0.025, 0.975), axis=1, method="inverted_cdf").T
    found = [interval for interval, _ in uncertainty(list(losses))]
    np.testing.assert_array_equal(found, expected)


def test_mean_ranks_are_those_of_all_draws(losses):
    medians = every_draw(losses)
    ranks = 1 + (medians[:, None] > medians[None]).sum(axis=1)
    found = [rank.mean for _, rank in uncertainty(list(losses))]
    # atol: five standard errors of a mean of 10 000 ranks between 1 and 4.
    np.testing.assert_allclose(found, ranks.mean(axis=1), atol=0.06)
    assert sum(found) == pytest.approx(1 + 2 + 3 + 4)


def test_three_seeds_determine_no_more_than_their_range():
    ((interval, rank),) = uncertainty([np.array([3.0, 1.0, 2.0])])
    assert interval == (1.0, 3.0)
    assert rank == Rank(place=1.0, mean=1.0, lowest=1.0, highest=1.0)


def test_equals_share_their_places():
    losses = [np.array([2.0, 2.0]), np.array([1.0, 1.0]), np.array([2.0, 2.0])]
    assert [rank.mean for _, rank in uncertainty(losses)] == [2.5, 1.0, 2.5]


def test_seeds_are_drawn_for_all_together():
    """A contender that is ahead at every seed is first in every draw, however wide the ranges."""
    better = np.array([1.0, 2.0, 3.0, 4.0])
    first, second = uncertainty([better, better + 0.1])
    assert first[1].highest == 1.0
    assert second[1].lowest == 2.0
    assert first[0][1] > second[0][0]


def test_a_lost_seed_is_the_worst_there_is():
    lost, sound = uncertainty([np.array([0.1, np.nan, 0.1]), np.array([0.2, 0.2, 0.2])])
    assert lost[0] == (0.1, None)
    assert sound[0] == (0.2, 0.2)
    assert (lost[1].lowest, lost[1].highest) == (1.0, 2.0)


def test_one_seed_gives_a_place_and_no_interval():
    first, second = uncertainty([np.array([0.1]), np.array([0.2])])
    assert first[0] is second[0] is None
    assert (first[1].place, second[1].place) == (1.0, 2.0)


def test_is_the_same_every_time_and_empty_for_nobody(losses):
    assert uncertainty(list(losses)) == uncertainty(list(losses))
    assert uncertainty([]) == []
