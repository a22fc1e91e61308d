"""Runs of PyTorch that stop in the middle, for us to go on with."""

import numpy as np
from parity_streams import gradients, start, varying

MOVE, END = 60, 100
# PyTorch's order of the leaves; ours is alphabetical.
NAMES = ["weight", "bias", "scalar"]
# Optimizer of PyTorch, its options.
RUNS = {
    "Adam": ("Adam", {"weight_decay": 0.1}),
    "Adam decoupled": ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    "Adam amsgrad": ("Adam", {"amsgrad": True, "betas": (0.8, 0.95), "maximize": True}),
    "AdamW": ("AdamW", {}),
    "SGD": ("SGD", {}),
    "SGD momentum": ("SGD", {"momentum": 0.9, "weight_decay": 0.1}),
    "SGD nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "SGD dampening": ("SGD", {"momentum": 0.9, "dampening": 0.5}),
    "RMSprop": ("RMSprop", {}),
    "RMSprop momentum": ("RMSprop", {"momentum": 0.9, "weight_decay": 0.1}),
    "RMSprop centered": ("RMSprop", {"centered": True, "momentum": 0.9}),
}


def record(name):
    """Return parameters and state_dict after step ``MOVE``, and the parameters at ``END``."""
    import copy

    import torch

    theirs, options = RUNS[name]
    grads, params = gradients(), start()
    tensors = [torch.tensor(params[leaf], requires_grad=True) for leaf in NAMES]
    optimizer = getattr(torch.optim, theirs)(tensors, lr=varying(0), **options)
    moved = {}, {}
    for step in range(END):
        if step == MOVE:
            state_dict = copy.deepcopy(optimizer.state_dict())
            moved = _values(tensors), state_dict
        optimizer.param_groups[0]["lr"] = varying(step)
        for leaf, tensor in zip(NAMES, tensors, strict=True):
            tensor.grad = torch.tensor(grads[leaf][step])
        optimizer.step()
    return *moved, _values(tensors)


def _values(tensors):
    return {leaf: np.array(t.detach().numpy()) for leaf, t in zip(NAMES, tensors, strict=True)}


def record_all():
    """Return all runs as what can be written as JSON."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return value.tolist() if hasattr(value, "tolist") else value

    return {
        name: dict(zip(("params", "state_dict", "end"), map(plain, record(name)), strict=True))
        for name in RUNS
    }
