"""What a few seeds can tell."""

import itertools
import math

import numpy as np
import pytest

from ae_optax.lab import _seeds


@pytest.mark.parametrize("n", range(1, 21))
def test_who_is_lower_with_as_many_seeds_as_are_needed_is_so_by_chance_in_one_of_twenty_cases(n):
    wins = _seeds.wins_needed(n)

    def by_chance(wins):
        return 2 * sum(math.comb(n, k) for k in range(wins, n + 1)) / 2**n

    assert _seeds.coverage(n) == pytest.approx(1 - by_chance(wins))
    assert _seeds.enough(n) == (n >= 6) == (by_chance(wins) <= 0.05)
    # One fewer would not do, and with few seeds not even all.
    assert wins == n or by_chance(wins) <= 0.05 < by_chance(wins - 1)


@pytest.mark.parametrize("n", [3, 6, 9])
def test_an_interval_covers_the_median_as_often_as_it_should(n):
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(4000, n))
    found = np.array([_seeds.interval(draw) for draw in draws])
    covered = np.mean((found[:, 0] < math.log(2)) & (math.log(2) < found[:, 1]))
    # Four standard errors.
    assert covered == pytest.approx(_seeds.coverage(n), abs=4 * 0.5 / math.sqrt(4000))


def test_three_seeds_determine_no_more_than_their_range():
    assert _seeds.interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert _seeds.interval([1.0]) is None


def test_a_lost_seed_is_the_worst_there_is():
    assert _seeds.interval([0.1, math.nan, 0.1]) == (0.1, None)
    assert not _seeds.ahead([0.1, math.nan, 0.1], [0.2, 0.2, 0.2])
    assert not _seeds.ahead([math.nan] * 3, [math.inf] * 3)
    assert _seeds.ahead([0.1, 0.1, 0.1], [0.2, math.nan, 0.2])


def test_seeds_are_compared_in_pairs():
    """Who is ahead with every seed is first, however wide the ranges."""
    better = np.array([1.0, 2.0, 3.0, 4.0])
    assert _seeds.places([better + 0.1, better]) == [(2, 2, 2), (1, 1, 1)]


def test_places_are_those_that_nobody_ahead_forbids():
    first, between, last = [1.0, 2.0, 3.0], [2.5, 1.5, 3.5], [4.0, 4.0, 4.0]
    assert _seeds.places([last, between, first]) == [(3, 3, 3), (2, 1, 2), (1, 1, 2)]
    # With one seed anything may be.
    assert _seeds.places([[1.0], [2.0]]) == [(1, 1, 2), (2, 1, 2)]
    assert _seeds.places([[1.0, 2.0]]) == [(1, 1, 1)]
    assert _seeds.places([]) == []


def test_equals_share_their_places():
    found = _seeds.places([[2.0, 2.0], [1.0, 1.0], [2.0, 2.0]])
    assert [place for place, _, _ in found] == [2.5, 1, 2.5]


def test_a_place_lies_between_the_first_and_the_last_it_may_have():
    rng = np.random.default_rng(1)
    for n, _ in itertools.product((1, 3, 6, 9), range(50)):
        losses = list(rng.normal(size=(4, n)))
        for place, first, last in _seeds.places(losses):
            assert 1 <= first <= place <= last <= 4
