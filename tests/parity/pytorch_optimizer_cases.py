"""The matrix rules of pytorch-optimizer beside those of the library, step by step."""

import sys
from pathlib import Path

from parity_case import Case
from parity_streams import STEPS, varying, varying_traced

import ae_optax

# What drives them, in float64 throughout, is what the conformance page drives them with.
sys.path.insert(0, str(Path(__file__).parents[2] / "experiments" / "conformance"))

MUON = {"momentum": 0.9, "weight_decay": 0.1}
BASES = {"b1": 0.9, "b2": 0.95, "refresh_every": 3}
ROOTS = "it orthogonalizes in float32 whatever the dtype"
TURNS = "it finds its bases in float32 whatever the dtype"
# Theirs: ours, the numbers of both, those of ours alone, how far apart they may be, and why.
# A weight is (outputs, inputs) there. Its SPlus follows its authors' PyTorch, ours their JAX.
RULES = {
    "Muon": ("muon", MUON, {"out_axis": 0}, 1e-5, ROOTS),
    "NorMuon": ("normuon", MUON | {"b2": 0.9}, {"out_axis": 0}, 1e-5, ROOTS),
    "SOAP": ("soap", BASES | {"eps": 1e-8, "weight_decay": 0.1}, {}, 1e-6, TURNS),
}


def _theirs(name, numbers):
    def run(params, grads):
        from implementations import exact, of_pytorch_optimizer

        made = {each.name: each.make for each in of_pytorch_optimizer()}
        rates = [varying(step) for step in range(STEPS)]
        with exact():
            drive = made[f"pytorch-optimizer {name}"](numbers)
            return {leaf: drive(p, grads[leaf], rates) for leaf, p in params.items()}

    return run


def _case(name, rule, numbers, own, tolerance, reason):
    return Case(
        rule=rule,
        ours=lambda: getattr(ae_optax, rule)(varying_traced, **numbers, **own),
        theirs=_theirs(name, numbers),
        tolerance=tolerance,
        reason=reason,
        leaves=("weight",),
    )


CASES = {name: _case(name, *entry) for name, entry in RULES.items()}
SCHEDULES = {}
