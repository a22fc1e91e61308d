"""ReduceLROnPlateau counts as PyTorch's."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.compat import torch as compat


def rates(values, **options):
    """Return the rate in force after each observation, in float64 and in one scan."""
    with jax.enable_x64(True):
        tx = compat.reduce_lr_on_plateau(0.1, **options)

        def step(state, value):
            updates, state = tx.update(jnp.float64(1.0), state, value=value)
            return state, (state.rate, updates)

        _, (found, updates) = jax.lax.scan(step, tx.init(jnp.float64(0.0)), jnp.asarray(values))
        np.testing.assert_allclose(updates, found / 0.1, rtol=1e-15)
        return np.asarray(found)


def reductions(values, **options):
    found = np.concatenate([[0.1], rates(values, **options)])
    return (np.flatnonzero(np.diff(found)) + 1).tolist()


def test_a_flat_value_reduces_the_rate_after_patience_and_one():
    assert reductions([1.0] * 10, patience=2) == [4, 7, 10]
    assert reductions([1.0] * 4, patience=0) == [2, 3, 4]


def test_a_cooldown_does_not_count():
    assert reductions([1.0] * 10, patience=2, cooldown=2) == [4, 9]


def test_a_flat_negative_value_is_its_own_improvement_unless_the_threshold_is_absolute():
    assert reductions([-1.0] * 10, patience=2) == []
    assert reductions([-1.0] * 10, patience=2, threshold_mode="abs") == [4, 7, 10]


def test_the_rate_ends_at_its_least_and_changes_by_more_than_eps():
    np.testing.assert_allclose(rates([1.0] * 6, patience=0, min_lr=0.02)[-1], 0.02)
    assert reductions([1.0] * 6, patience=0, eps=0.05) == [2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0}, "`lr` must be positive and finite, got 0."),
        ({"factor": 1.0}, r"`factor` must lie in \[0, 1\), got 1.0."),
        ({"factor": jnp.array(2.0)}, r"`factor` must lie in \[0, 1\), got Array\(2\."),
        ({"patience": -1}, "`patience` must be a whole number of at least 0, got -1."),
        ({"patience": 2.5}, "`patience` must be a whole number of at least 0, got 2.5."),
        ({"cooldown": 0.5}, "`cooldown` must be a whole number of at least 0, got 0.5."),
        ({"mode": "auto"}, "`mode` must be one of min, max, got 'auto'."),
        ({"threshold_mode": "x"}, "`threshold_mode` must be one of rel, abs, got 'x'."),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        compat.reduce_lr_on_plateau(**{"lr": 0.1} | options)


@pytest.mark.slow
def test_it_counts_as_pytorch_itself():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    streams = [np.round(rng.normal(size=80), 1), np.abs(rng.normal(size=80)), -np.ones(80)]
    streams[0][7] = np.nan
    streams[1][5] = np.inf
    cases = itertools.product(
        streams, ["min", "max"], ["rel", "abs"], [0, 2], [0, 3], [0.0, 0.01], [1e-8, 0.02]
    )
    for values, mode, threshold_mode, patience, cooldown, min_lr, eps in cases:
        options = {
            "mode": mode,
            "factor": 0.5,
            "patience": patience,
            "threshold": 0.05,
            "threshold_mode": threshold_mode,
            "cooldown": cooldown,
            "min_lr": min_lr,
            "eps": eps,
        }
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        theirs = []
        for value in values:
            scheduler.step(value)
            theirs.append(optimizer.param_groups[0]["lr"])
        np.testing.assert_allclose(rates(values, **options), theirs, rtol=1e-14)
