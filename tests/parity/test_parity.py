"""Ours against other frameworks: by golden files here, and, slowly, the real thing."""

import functools
import importlib
from pathlib import Path

import jax
import numpy as np
import optax_cases
import pytest
import pytorch_optimizer_cases
from parity_streams import (
    SCHEDULE_STEPS,
    difference,
    gradients,
    pack,
    run_ours,
    run_schedule,
    schedule_difference,
    start,
    unpack,
)

HERE = Path(__file__).parent
FRAMEWORKS = [name for name in ("keras", "torch") if (HERE / f"{name}_cases.py").exists()]


def cases(kind):
    """Return framework, name and case of everything in ``CASES`` or ``SCHEDULES``."""
    return [
        pytest.param(framework, name, case, id=f"{framework}: {name}")
        for framework in FRAMEWORKS
        for name, case in getattr(importlib.import_module(f"{framework}_cases"), kind).items()
    ]


EVERY_CASE = pytest.mark.parametrize(("framework", "name", "case"), cases("CASES"))
EVERY_SCHEDULE = pytest.mark.parametrize(("framework", "name", "case"), cases("SCHEDULES"))


@functools.cache
def golden(framework):
    with np.load(HERE / "golden" / f"{framework}.npz") as found:
        return dict(found)


pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_golden_file_is_of_these_cases(framework):
    module = importlib.import_module(f"{framework}_cases")
    assert set(golden(framework)) == {*module.CASES, *module.SCHEDULES}


@EVERY_CASE
def test_equals_the_golden_trajectory(framework, name, case):
    ours, theirs = pack(run_ours(case)), golden(framework)[name]
    assert ours.shape == theirs.shape
    ours, theirs = unpack(ours, case.leaves), unpack(theirs, case.leaves)
    assert case.holds(difference(ours, theirs))


@EVERY_SCHEDULE
def test_equals_the_golden_schedule(framework, name, case):
    assert schedule_difference(run_schedule(case), golden(framework)[name]) <= case.tolerance


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "case"),
    [
        pytest.param(library, case, id=f"{library}: {name}")
        for library, module in (
            ("optax", optax_cases),
            ("pytorch_optimizer", pytorch_optimizer_cases),
        )
        for name, case in module.CASES.items()
    ],
)
def test_equals_another_library_but_where_the_table_says_how_they_differ(library, case):
    pytest.importorskip(library)
    with jax.numpy_dtype_promotion("standard"):  # Optax promotes dtypes.
        theirs = case.theirs(start(case.leaves), gradients(case.leaves))
    assert case.holds(difference(run_ours(case), theirs))


@pytest.mark.slow
@EVERY_CASE
def test_equals_the_framework_itself(framework, name, case):
    pytest.importorskip(framework)
    theirs = case.theirs(start(case.leaves), gradients(case.leaves))
    assert case.holds(difference(run_ours(case), theirs))
    # The golden file is what this machine's framework computes, too.
    packed = golden(framework)[name]
    assert difference(unpack(pack(theirs), case.leaves), unpack(packed, case.leaves)) <= 1e-12


@pytest.mark.slow
@EVERY_SCHEDULE
# PyTorch's own construction of nested schedulers, which takes their first step.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_equals_the_schedule_of_the_framework_itself(framework, name, case):
    pytest.importorskip(framework)
    theirs = case.theirs(SCHEDULE_STEPS)
    assert schedule_difference(run_schedule(case), theirs) <= case.tolerance
