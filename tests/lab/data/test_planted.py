import numpy as np
import pytest

from ae_optax.lab import data
from ae_optax.lab.data._planted import frequencies

MANY = {"inputs": 12, "features": 30, "active": 3, "exponent": 1.0, "validation": 0, "test": 1}


def test_vectors_are_sums_of_as_many_features_as_often_as_is_said():
    # As many directions as inputs can be told apart exactly.
    few = data.planted(20_001, inputs=12, features=8, active=2.0, validation=0, test=1)
    strengths = few.train @ np.linalg.pinv(data.planted_features(12, 8))
    strengths = np.where(np.abs(strengths) < 1e-3, 0, strengths)
    there = strengths != 0
    often = frequencies(8, 2.0, 1.0)
    assert often.sum() == pytest.approx(2)
    assert np.all(often[2:] / often[2] == pytest.approx(3 / np.arange(3, 9)))
    # Four standard errors of 20,000 draws.
    np.testing.assert_allclose(there.mean(0), often, atol=4 * 0.5 / np.sqrt(20_000))
    assert strengths[there].min() > 0.49
    assert strengths[there].max() < 1.51
    assert strengths[there].mean() == pytest.approx(1, abs=0.01)


def test_directions_have_length_one_and_no_preferred_one():
    directions = data.planted_features(40, 3000)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    np.testing.assert_allclose(directions.T @ directions / 3000, np.eye(40) / 40, atol=0.003)


def test_noise_has_its_deviation():
    quiet, loud = (data.planted(2000, **MANY, noise=noise) for noise in (0.0, 0.2))
    grain = loud.train - quiet.train
    assert grain.std() == pytest.approx(0.2, rel=0.02)


def test_the_vectors_are_those_of_earlier_versions():
    assert data.fingerprint(data.planted(50, **MANY).train).startswith("2a897f14b846")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 4, "active": 3}, "`active` must be at most half of the 4 features"),
        ({"count": 0}, "`count` must be at least 1"),
        ({"noise": -1}, "`noise` must be at least 0"),
        ({"exponent": -1}, "`exponent` must be at least 0"),
        ({"active": 0}, "`active` must be positive"),
        ({"inputs": 0}, "`inputs` must be at least 1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.planted(**{"count": 10, **arguments})
