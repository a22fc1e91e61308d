"""The signatures of PyTorch's optimizers and schedulers, less what cannot be ours."""

import inspect
from typing import Any

# Their name and ours.
NAMES = {
    "ASGD": "asgd",
    "Adadelta": "adadelta",
    "Adafactor": "adafactor",
    "Adagrad": "adagrad",
    "Adam": "adam",
    "AdamW": "adamw",
    "Adamax": "adamax",
    "Muon": "muon",
    "NAdam": "nadam",
    "RAdam": "radam",
    "RMSprop": "rmsprop",
    "Rprop": "rprop",
    "SGD": "sgd",
    "ChainedScheduler": "chained_scheduler",
    "ConstantLR": "constant_lr",
    "CosineAnnealingLR": "cosine_annealing_lr",
    "CosineAnnealingWarmRestarts": "cosine_annealing_warm_restarts",
    "CyclicLR": "cyclic_lr",
    "ExponentialLR": "exponential_lr",
    "LambdaLR": "lambda_lr",
    "LinearLR": "linear_lr",
    "MultiStepLR": "multi_step_lr",
    "MultiplicativeLR": "multiplicative_lr",
    "OneCycleLR": "one_cycle_lr",
    "PolynomialLR": "polynomial_lr",
    "ReduceLROnPlateau": "reduce_lr_on_plateau",
    "SequentialLR": "sequential_lr",
    "StepLR": "step_lr",
}


def of_torch() -> dict[str, list[Any]]:
    """Return name, kind and default of every argument: no ``params``, ``lr`` for ``optimizer``.

    A scheduler starts at step 0: ``last_epoch`` is left out.
    """
    import torch

    signatures = {}
    for name in NAMES:
        found = getattr(torch.optim, name, None) or getattr(torch.optim.lr_scheduler, name)
        arguments = [
            [p.name, p.kind.name, "" if p.default is p.empty else repr(p.default)]
            for p in inspect.signature(found).parameters.values()
            if p.name not in ("params", "last_epoch")
        ]
        if arguments[0][0] == "optimizer":
            arguments[0][0] = "lr"
        signatures[name] = arguments
    return signatures
