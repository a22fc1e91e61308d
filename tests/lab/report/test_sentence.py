"""The verdict in words."""

import pytest
from made_up import as_record

from ae_optax.lab.report import _verdict


def verdict(comparison):
    return _verdict.verdict(as_record(comparison))


def remarks(comparison):
    return _verdict.remarks(as_record(comparison))


def finals(comparison, **ranges):
    """Give contenders final losses ``(median, lowest, highest)``; leave out all others."""
    kept = [c for c in comparison["contenders"] if c["label"] in ranges]
    for contender in kept:
        median, lowest, highest = ranges[contender["label"]]
        final = {"median": median, "lowest": lowest, "highest": highest}
        contender["best"] |= {"final_test": final, "learning_rate": 3e-3, "edge": None}
    comparison["contenders"] = kept
    return comparison


def test_is_clear_when_ranges_are_apart(comparison):
    finals(comparison, adam=(0.2, 0.19, 0.21), sgd=(0.4, 0.39, 0.41))
    assert verdict(comparison) == (
        "adam has the lowest median test loss, 0.200 (0.190–0.210 over 3 seeds, at learning rate "
        "0.003), and no other range overlaps with its own; sgd is next, 0.400 (0.390–0.410)."
    )


def test_claims_no_winner_when_ranges_overlap(comparison):
    finals(comparison, adam=(0.2, 0.19, 0.25), rmsprop=(0.21, 0.2, 0.22), sgd=(0.4, 0.3, 0.5))
    assert "but is not separated from rmsprop, whose range overlaps with its own." in verdict(
        comparison
    )


def test_names_all_that_are_not_separated_from_the_best(comparison):
    finals(comparison, adam=(0.2, 0.1, 0.4), rmsprop=(0.21, 0.2, 0.22), sgd=(0.4, 0.3, 0.5))
    assert "not separated from rmsprop and sgd, whose ranges overlap" in verdict(comparison)


def test_ranges_that_touch_are_not_separated(comparison):
    finals(comparison, adam=(0.2, 0.1, 0.3), sgd=(0.4, 0.3, 0.5))
    assert "not separated from sgd" in verdict(comparison)


def test_does_not_conclude_from_one_seed(comparison):
    comparison["seeds"] = [0]
    finals(comparison, adam=(0.2, 0.2, 0.2), sgd=(0.4, 0.4, 0.4))
    text = verdict(comparison)
    assert "0.200 (at learning rate 0.003)" in text
    assert text.endswith("with one seed, which cannot tell a difference from chance.")


def test_a_seed_lost_to_divergence_separates_from_nothing(comparison):
    finals(comparison, adam=(0.2, 0.19, None), sgd=(0.4, 0.39, 0.41))
    assert "0.190–diverged" in verdict(comparison)
    assert "not separated from sgd" in verdict(comparison)
    assert any("adam diverged with some seeds" in remark for remark in remarks(comparison))


def test_one_result_is_called_the_only_one(comparison):
    finals(comparison, adam=(0.2, 0.19, 0.21))
    assert verdict(comparison).startswith("adam is the only contender with a result")


@pytest.mark.parametrize("contenders", [[], None])
def test_no_result_is_called_none(comparison, contenders):
    if contenders is None:
        contenders = comparison["contenders"]
        for contender in contenders:
            contender["best"] = None
    comparison["contenders"] = contenders
    assert verdict(comparison) == "No contender has a result: every run failed or diverged."


def test_warns_of_a_best_rate_on_the_edge(comparison):
    (warning,) = remarks(comparison)
    assert warning.startswith("sgd did best at 1, the highest learning rate it was given")
    assert "Extend its range to higher rates" in warning


def test_warns_of_unequal_budgets(comparison):
    comparison["contenders"][0]["settings"] = 1
    assert any("different numbers of settings" in remark for remark in remarks(comparison))
