"""The signatures of `ae_optax.compat.torch` are those of PyTorch."""

import inspect
import json
from pathlib import Path

import pytest
from torch_signatures import NAMES, of_torch

from ae_optax.compat import torch as compat

GOLDEN = json.loads((Path(__file__).parent / "golden" / "torch_signatures.json").read_text())


def ours(function):
    return [
        [p.name, p.kind.name, "" if p.default is p.empty else repr(p.default)]
        for p in inspect.signature(function).parameters.values()
    ]


def test_every_function_has_its_namesake_in_pytorch():
    no_class = {"ReduceLROnPlateauState", "import_state"}
    assert {*NAMES.values(), *no_class} == set(compat.__all__)
    assert set(GOLDEN) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_names_order_kinds_and_defaults_are_those_of_pytorch(name):
    assert ours(getattr(compat, NAMES[name])) == GOLDEN[name]


@pytest.mark.slow
def test_the_golden_signatures_are_those_of_pytorch_itself():
    pytest.importorskip("torch")
    assert of_torch() == GOLDEN
