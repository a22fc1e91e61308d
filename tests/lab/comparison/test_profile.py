"""Performance profiles."""

import numpy as np
import pytest

from ae_optax.lab.comparison import performance_profile

TIMES = {
    "digits": {"adam": 2.0, "sgd": 3.0, "lion": None},
    "mnist": {"adam": 9.0, "sgd": 3.0, "lion": 3.0},
    "faces": {"adam": 1.0, "sgd": None},
    "noise": {"adam": None, "sgd": None},
}


def share(contender, factor):
    """Return the profile at one factor, counted workload by workload."""
    hits = 0
    for row in TIMES.values():
        known = [t for t in row.values() if t is not None]
        time = row.get(contender)
        hits += time is not None and time <= factor * min(known)
    return hits / len(TIMES)


@pytest.mark.parametrize("contender", ["adam", "sgd", "lion"])
def test_steps_are_those_of_the_definition(contender):
    profile = performance_profile(TIMES)[contender]
    for factor in (1.0, 1.4, 1.5, 2.9, 3.0, 100.0):
        below = [
            s for f, s in zip(profile["factors"], profile["shares"], strict=True) if f <= factor
        ]
        assert (below or [0])[-1] == share(contender, factor)


@pytest.mark.parametrize("contender", ["adam", "sgd", "lion"])
def test_score_is_the_mean_height_up_to_four(contender):
    factors = np.linspace(1, 4, 30_001)
    expected = np.mean([share(contender, factor) for factor in factors])
    # atol: the midpoints of the steps of a fine grid.
    assert performance_profile(TIMES)[contender]["score"] == pytest.approx(expected, abs=1e-3)


def test_ratios_are_to_the_fastest_and_none_where_the_target_was_missed():
    assert performance_profile(TIMES)["sgd"]["ratios"] == {
        "digits": 1.5, "mnist": 1.0, "faces": None, "noise": None,
    }  # fmt: skip


def test_the_unit_of_time_does_not_matter_and_the_order_is_kept():
    scaled = {w: {c: t and 60 * t for c, t in row.items()} for w, row in TIMES.items()}
    assert performance_profile(scaled) == performance_profile(TIMES)
    assert list(performance_profile(TIMES)) == ["adam", "sgd", "lion"]


def test_a_target_met_before_the_first_step_is_met_by_all_that_take_no_time():
    ratios = {
        c: p["ratios"]["a"] for c, p in performance_profile({"a": {"x": 0.0, "y": 2.0}}).items()
    }
    assert ratios == {"x": 1.0, "y": None}
