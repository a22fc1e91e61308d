"""The matrix rules against their formulas, as `tests/reference_matrix.py` has them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_matrix
from enrolment import assert_entries
from running import STEPS, stream
from streams import compiled, decaying

import ae_optax
from ae_optax import optimizers, transforms

# Settings unlike those of the golden trajectories, which are the authors'.
SETTINGS = {
    "kl_shampoo": {"b1": 0.8, "b2": 0.9, "eps": 1e-2, "refresh_every": 4, "weight_decay": 0.3},
    "muon": {"momentum": 0.8, "weight_decay": 0.3},
    "normuon": {"momentum": 0.8, "b2": 0.7, "weight_decay": 0.3},
    "shampoo": {"b1": 0.8, "b2": 0.9, "eps": 1e-3, "refresh_every": 3, "start": 4},
    "soap": {"b1": 0.8, "b2": 0.9, "eps": 1e-2, "refresh_every": 4, "weight_decay": 0.3},
    "soap_muon": {
        "momentum": 0.8,
        "b2": 0.7,
        "statistics_decay": 0.8,
        "floor": 3.0,
        "outward": 0.2,
    },
    "sonew": {"b1": 0.8, "b2": 0.9, "eps": 1e-3, "graft_eps": 1e-2, "weight_decay": 0.3},
    "splus": {"b1": 0.8, "b2": 0.9, "refresh_every": 4, "weight_decay": 0.3},
}
EVERY = pytest.mark.parametrize("name", SETTINGS)
RATES = decaying()
# PSGD's draws are handed to its formula, in a test of its own.
ELSEWHERE = {"psgd_kron"}


# What they are made of, by what it keeps.
OF_MATRICES = (
    transforms.FittedPreconditionState,
    transforms.ForMatricesState,
    transforms.InBasisState,
    transforms.PreconditionChainState,
    transforms.PreconditionState,
)


def reads_whole_matrices(name):
    """Tell whether an optimizer is made of what is for matrices, and does not ask for layers."""
    state = jax.eval_shape(getattr(ae_optax, name)(0.1).init, jnp.ones((3, 4)))
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, OF_MATRICES))
    return any(isinstance(node, OF_MATRICES) for node in nodes) and not ae_optax.needs(state)


def path(make, grads, params):
    """Return the parameters after each step."""
    return params + np.cumsum(compiled(make)(RATES, grads, params), 0)


@pytest.mark.usefixtures("x64")
@EVERY
# One row more than columns: the first statistic still decides all of its eigenvectors.
@pytest.mark.parametrize("shape", [(5, 5), (5, 4)], ids=str)
def test_matches_the_formula_in_float64(name, shape):
    grads, settings = stream(*shape), SETTINGS[name]
    params = np.random.default_rng(1).normal(size=shape)
    found = path(functools.partial(getattr(ae_optax, name), **settings), grads, params)
    desired = getattr(reference_matrix, name)(grads, RATES, params, **settings)
    # rtol: rounding, which eigenvectors of close eigenvalues enlarge.
    np.testing.assert_allclose(found, desired, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("x64")
def test_psgd_matches_the_formula_with_the_numbers_that_it_draws():
    shape, draws, settings = (5, 4), ae_optax.random_draws(3), {"b1": 0.8, "weight_decay": 0.3}
    grads, params = stream(*shape), np.random.default_rng(1).normal(size=shape)
    make = functools.partial(
        ae_optax.psgd_kron, fit_rate=0.2, frequency=0.5, draws=draws, **settings
    )
    found = path(make, grads, params)
    counts = jnp.arange(1, STEPS + 1)
    drawn = [np.asarray(draws.normal(t, (1, *shape), jnp.float64)[0]) for t in counts]
    balance = [bool(draws.uniform(t) < 0.01) for t in counts]
    desired = reference_matrix.psgd_kron(
        grads,
        RATES,
        params,
        draws=drawn,
        update_factors=np.asarray(counts) % 2 == 0,
        balance=balance,
        preconditioner_rate=0.2,
        **settings,
    )
    np.testing.assert_allclose(found, desired, rtol=1e-9, atol=1e-9)


def test_every_matrix_optimizer_has_its_formula_tested():
    assert_entries(
        SETTINGS,
        {name for name in optimizers.__all__ if reads_whole_matrices(name)} - ELSEWHERE,
        at="tests/optimizers/test_matrix_formulas.py: SETTINGS",
        entry="settings to try; its formula in NumPy goes into tests/reference_matrix.py",
    )
