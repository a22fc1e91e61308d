"""The verdict in words."""

import math

import numpy as np
import pytest
from made_up import as_record

from ae_optax.lab.report import _sentences


def verdict(comparison):
    return _sentences.verdict(as_record(comparison))


def remarks(comparison):
    return _sentences.remarks(as_record(comparison))


def finals(comparison, **losses):
    """Give contenders their final losses, one a seed; leave out all others."""
    kept = [c for c in comparison["contenders"] if c["label"] in losses]
    comparison["seeds"] = list(range(len(next(iter(losses.values())))))
    for contender in kept:
        its = losses[contender["label"]]
        (one,) = [r for r in contender["runs"] if (r["setting"], r["seed"]) == (0, 0)]
        contender["runs"] = [
            {**one, "seed": seed, "test_loss": [0.5, loss]} for seed, loss in enumerate(its)
        ]
        known = [math.inf if loss is None else loss for loss in its]
        ends = {"median": np.median(known), "lowest": min(known), "highest": max(known)}
        final = {name: end if math.isfinite(end) else None for name, end in ends.items()}
        its = {"final_test": final, "learning_rate": 3e-3, "edge": None, "setting": 0}
        contender["best"] |= its
    comparison["contenders"] = kept
    return comparison


def test_is_clear_when_one_is_ahead_with_every_seed_however_wide_the_ranges(comparison):
    finals(comparison, adam=[0.19, 0.2, 0.5], sgd=[0.39, 0.4, 0.6])
    assert verdict(comparison) == (
        "adam has the lowest median test loss, 0.200 (0.190–0.500 over 3 seeds, at learning rate "
        "0.003), ahead of all others with every seed; sgd is next, 0.400 (0.390–0.600)."
    )
    (warning,) = remarks(comparison)
    assert warning.startswith("3 seeds are few: of two equal contenders one is ahead with every")
    assert "in 25 % of cases" in warning


def test_claims_no_winner_when_one_seed_says_otherwise(comparison):
    finals(comparison, adam=[0.19, 0.2, 0.25], rmsprop=[0.2, 0.21, 0.24], sgd=[0.3, 0.4, 0.5])
    assert verdict(comparison).endswith(", but not ahead of rmsprop with every seed.")


def test_names_all_that_the_best_is_not_ahead_of(comparison):
    finals(comparison, adam=[0.1, 0.2, 0.4], rmsprop=[0.2, 0.21, 0.22], sgd=[0.3, 0.5, 0.3])
    assert "not ahead of rmsprop and sgd with every seed" in verdict(comparison)


def test_many_seeds_need_not_all_agree(comparison):
    adam = [0.1 + 0.01 * seed for seed in range(9)]
    finals(comparison, adam=adam, sgd=[loss + (0.05 if loss > 0.1 else -0.05) for loss in adam])
    assert "ahead of all others with at least 8 of the 9 seeds; sgd is next" in verdict(comparison)
    assert not any("seeds are few" in remark for remark in remarks(comparison))


def test_does_not_conclude_from_one_seed(comparison):
    finals(comparison, adam=[0.2], sgd=[0.4])
    text = verdict(comparison)
    assert "0.200 (at learning rate 0.003)" in text
    assert text.endswith("with one seed, which cannot tell a difference from chance.")


def test_a_seed_lost_to_divergence_is_lower_than_nothing(comparison):
    finals(comparison, adam=[0.19, 0.2, None], sgd=[0.39, 0.4, 0.41])
    assert "0.190–diverged" in verdict(comparison)
    assert "not ahead of sgd" in verdict(comparison)
    assert any("adam diverged with some seeds" in remark for remark in remarks(comparison))


def test_one_result_is_called_the_only_one(comparison):
    finals(comparison, adam=[0.2, 0.19, 0.21])
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
    warning, _ = remarks(comparison)
    assert warning.startswith("sgd did best at 1, the highest learning rate it was given")
    assert "Extend its range to higher rates" in warning


def test_warns_of_unequal_budgets(comparison):
    comparison["contenders"][0]["settings"] = 1
    assert any("different numbers of settings" in remark for remark in remarks(comparison))
