"""The tests that others can use find what is planted, each by the name of what is wrong."""

import sys
from pathlib import Path

import jax
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments" / "conformance"))

import checks
import implementations
import planted
from adapters import optax_like

NAMED = {
    "the second moment is thrown away when bases follow": "the second moment outlives a change "
    "of bases",
    "the statistic is read one step late": "bases know the last gradient",
    "ε stands inside the root": "ε stands outside the root",
    None: None,
}
# Those asked of SOAP alone, of one compiled program each.
OF_SOAP = [check for check in checks.CHECKS if check.families == ("soap",)]


@pytest.mark.parametrize("fault", NAMED)
def test_a_planted_fault_fails_one_test_which_names_it(fault):
    if fault is None:
        subject = next(each for each in implementations.ours() if each.family == "soap")
    else:
        wrong = planted.FAULTS[fault]
        subject = checks.Implementation("ours", "soap", lambda h: optax_like(wrong(h)))
    with jax.enable_x64(True):
        assert checks.failures(subject, OF_SOAP) == [NAMED[fault]] * (fault is not None)


def test_every_fault_is_named():
    assert {*planted.FAULTS} == {*NAMED} - {None}


def test_an_implementation_is_driven_through_either_interface():
    torch = pytest.importorskip("torch")
    from adapters import torch_like

    import ae_optax

    gradients = checks.stream(3, 2)
    ours = optax_like(ae_optax.sgd)
    theirs = torch_like(lambda weights: torch.optim.SGD(weights, lr=1.0))
    with jax.enable_x64(True):
        found, desired = (checks.steps_of(run, gradients) for run in (ours, theirs))
    assert checks.relative(found, desired) < 1e-12
