"""Every two of PyTorch's schedulers, one after the other and on one rate."""

import itertools
import warnings

import jax
import numpy as np
import pytest
from torch_cases import PARTS, run_scheduler

from ae_optax.compat import torch as compat

STEPS, MILESTONE = 60, 12
PAIRS = [pair for pair in itertools.product(PARTS, repeat=2) if pair != ("one cycle", "one cycle")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sequence", "chain"])
def test_every_pair_gives_the_numbers_of_pytorch(kind):
    pytest.importorskip("torch")

    def ours(a, b):
        schedulers = [PARTS[a][0](), PARTS[b][0]()]
        if kind == "chain":
            return compat.chained_scheduler(schedulers)
        return compat.sequential_lr(0.3, schedulers, [MILESTONE])

    def theirs(a, b):
        def make(s, o):
            schedulers = [PARTS[a][1](s, o), PARTS[b][1](s, o)]
            if kind == "chain":
                return s.ChainedScheduler(schedulers)
            return s.SequentialLR(o, schedulers, [MILESTONE])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run_scheduler(make, STEPS)[:, 0]

    with jax.enable_x64(True):
        found = jax.jit(lambda t: [jax.vmap(ours(*pair))(t) for pair in PAIRS])(np.arange(STEPS))
    for pair, values in zip(PAIRS, found, strict=True):
        np.testing.assert_allclose(values, theirs(*pair), rtol=1e-12, atol=1e-13, err_msg=str(pair))
