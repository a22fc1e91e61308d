"""Every optimizer and scheduler of PyTorch, with every option, beside ours."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
from parity_case import Case, ScheduleCase
from parity_streams import varying, varying_traced

import ae_optax
from ae_optax import evaluation_params
from ae_optax.compat import torch as compat

CONSTANT = 0.02


@contextlib.contextmanager
def _float64():
    """PyTorch keeps step counts, rates and products of momenta in its default dtype."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def run_torch(name, options, rate, params, grads, *, read=None):
    """Return what ``torch.optim.<name>`` makes of the stream.

    ``rate`` is the learning rate, a function of the step, or ``None`` for the default; ``read``
    returns another tensor for a parameter, of the optimizer and the parameter.
    """
    import torch

    with _float64():
        tensors = {leaf: torch.tensor(p, requires_grad=True) for leaf, p in params.items()}
        first = {} if rate is None else {"lr": rate(0) if callable(rate) else rate}
        optimizer = getattr(torch.optim, name)(list(tensors.values()), **first, **options)
        trajectory = {leaf: np.zeros_like(g) for leaf, g in grads.items()}
        for step in range(len(next(iter(grads.values())))):
            if callable(rate):
                optimizer.param_groups[0]["lr"] = rate(step)
            for leaf, tensor in tensors.items():
                tensor.grad = torch.tensor(grads[leaf][step])
            optimizer.step()
            for leaf, tensor in tensors.items():
                now = tensor.detach() if read is None else read(optimizer, tensor)
                trajectory[leaf][step] = now.numpy()
    return trajectory


def _traced(rate):
    return lambda step: rate(jnp.asarray(step, jnp.result_type(float)))


def _large(step):
    return 10 * varying(step)


def _case(theirs, ours=None, *, rate=CONSTANT, library=None, extra=None, **options):
    """Return the case of one optimizer with some options; ``library``: the rule of ours to try."""
    name = theirs.lower()
    own_rate = _traced(rate) if callable(rate) else rate

    def make():
        if library is not None:
            return getattr(ae_optax, library)(own_rate, **(ours or {}))
        first = {} if rate is None else {"lr": own_rate}
        return getattr(compat, name)(**first, **options)

    return Case(
        rule=library or f"compat.torch.{name}",
        ours=make,
        theirs=lambda params, grads: run_torch(theirs, options, rate, params, grads),
        **(extra or {}),
    )


# What is tried of each with a rate that falls; the last also with a constant one.
_OPTIONS = {
    "SGD": {
        "": {},
        "decay": {"weight_decay": 0.1},
        "momentum": {"momentum": 0.9},
        "dampening": {"momentum": 0.9, "dampening": 0.9, "weight_decay": 0.1},
        "nesterov": {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        "maximize": {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1, "maximize": True},
    },
    "ASGD": {
        "": {},
        "decay": {"lambd": 0.1, "alpha": 0.6, "weight_decay": 0.1, "maximize": True},
    },
    "Adagrad": {
        "": {},
        "all": {
            "lr_decay": 0.1,
            "weight_decay": 0.1,
            "initial_accumulator_value": 0.5,
            "eps": 1e-2,
            "maximize": True,
        },
    },
    "RMSprop": {
        "": {},
        "eps": {"alpha": 0.8, "eps": 1e-2, "weight_decay": 0.1},
        "momentum": {"momentum": 0.9, "weight_decay": 0.1},
        "centered": {"centered": True, "alpha": 0.9, "eps": 1e-3},
        "all": {"centered": True, "momentum": 0.8, "weight_decay": 0.1, "maximize": True},
    },
    "Adadelta": {
        "": {},
        "all": {"rho": 0.8, "eps": 1e-3, "weight_decay": 0.1, "maximize": True},
    },
    "Adam": {
        "": {},
        "betas": {"betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": 0.1},
        "amsgrad": {"amsgrad": True, "betas": (0.8, 0.9), "eps": 1e-3},
        "decoupled": {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True},
    },
    "AdamW": {
        "": {},
        "amsgrad": {"amsgrad": True, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.2},
        "no decay": {"weight_decay": 0, "maximize": True},
    },
    "Adamax": {
        "": {},
        "all": {"betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": 0.1, "maximize": True},
    },
    "NAdam": {
        "": {},
        "all": {"betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": 0.1, "momentum_decay": 0.5},
        "decoupled": {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True},
    },
    "RAdam": {
        "": {},
        "all": {"betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": 0.1},
        "decoupled": {"decoupled_weight_decay": True, "weight_decay": 0.1, "maximize": True},
    },
    "Rprop": {
        "": {},
        "all": {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.1), "maximize": True},
    },
    "Adafactor": {
        "": {},
        "all": {
            "beta2_decay": -0.6,
            "eps": (1e-2, 0.1),
            "d": 1.2,
            "weight_decay": 0.1,
            "maximize": True,
        },
    },
    "Muon": {
        "": {},
        "plain": {"nesterov": False, "weight_decay": 0, "momentum": 0.8},
        "rms": {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "eps": 1e-2},
        "original": {"adjust_lr_fn": "original", "ns_coefficients": (2.0, -1.5, 0.5)},
    },
}

_EXTRA = {"Muon": {"leaves": ("weight",)}}


def _optimizer_cases():
    for name, tried in _OPTIONS.items():
        extra = _EXTRA.get(name, {})
        yield f"{name} as it comes", _case(name, rate=None, extra=extra)
        for label, options in tried.items():
            yield f"{name} {label}".strip(), _case(name, rate=varying, extra=extra, **options)
        label, options = list(tried.items())[-1]
        yield f"{name} {label}, constant rate", _case(name, extra=extra, **options)


def _following(optimizer, look):
    """Return a transformation that moves parameters to what ``look`` finds in a state and them."""

    def init(params):
        return params, optimizer.init(params)

    def update(updates, state, params=None):
        own, inner = state
        updates, inner = optimizer.update(updates, inner, own)
        own = optax.apply_updates(own, updates)
        return jax.tree.map(lambda a, p: a - p, look(inner, own), params), (own, inner)

    return optax.GradientTransformation(init, update)


def _average_case():
    options = {"lambd": 0.1, "t0": 10}
    return Case(
        rule="compat.torch.asgd",
        ours=lambda: _following(compat.asgd(varying_traced, **options), evaluation_params),
        theirs=lambda params, grads: run_torch(
            "ASGD", options, varying, params, grads, read=lambda o, p: o.state[p]["ax"].detach()
        ),
    )


def _library_cases():
    """Yield the rules of the library itself that are also PyTorch's."""
    same = {
        "sgd": ("SGD", {}, {}),
        "momentum": ("SGD", {"momentum": 0.8}, {"momentum": 0.8}),
        "adadelta": ("Adadelta", {"rho": 0.8, "eps": 1e-4}, {"decay": 0.8, "eps": 1e-4}),
        "adam": ("Adam", {"betas": (0.8, 0.95), "eps": 1e-3}, {"b1": 0.8, "b2": 0.95, "eps": 1e-3}),
        "adamw": ("AdamW", {"eps": 1e-3, "weight_decay": 0.1}, {"eps": 1e-3, "weight_decay": 0.1}),
        "adamax": ("Adamax", {"eps": 1e-3}, {"eps": 1e-3}),
        "nadam_scheduled": ("NAdam", {"eps": 1e-3}, {"eps": 1e-3}),
    }
    for library, (name, options, ours) in same.items():
        yield f"library {library}", _case(name, ours, rate=varying, library=library, **options)


def _apart_cases():
    """Yield the rules of the library that PyTorch has otherwise under the same name."""
    apart = {
        "adagrad": ("Adagrad", {}, "ε is outside the root"),
        "amsgrad": ("Adam", {"amsgrad": True}, "the maximum is taken before the correction"),
        "nadam": ("NAdam", {}, "the momentum follows a schedule"),
        "nesterov": (
            "SGD",
            {"momentum": 0.9, "nesterov": True},
            "the rate is outside the velocity",
        ),
        "radam": ("RAdam", {}, "ε is corrected too"),
        "rmsprop": ("RMSprop", {"alpha": 0.9}, "ε is outside the root"),
    }
    for library, (name, options, reason) in apart.items():
        extra = {"apart": reason}
        case = _case(name, {}, rate=varying, library=library, extra=extra, **options)
        yield f"library {library} apart", case


# Adafactor's step is the smaller of the rate and 1/sqrt(t): with this rate both occur.
_LARGE = _case("Adafactor", rate=_large, weight_decay=0.1)

CASES = dict(
    [
        *_optimizer_cases(),
        ("ASGD average", _average_case()),
        ("Adafactor large rate", _LARGE),
        *_library_cases(),
        *_apart_cases(),
    ]
)


def run_scheduler(make, steps):
    """Return the rates and momenta of a scheduler, which ``make`` builds on an optimizer."""
    import torch

    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=0.3, momentum=0.5)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    values = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        values.append((group["lr"], group["momentum"]))
        optimizer.step()
        scheduler.step()
    return np.array(values)


def _wave(t):
    return 1 + 0.5 * np.sin(0.3 * t)


def _wave_traced(t):
    return 1 + 0.5 * jnp.sin(0.3 * jnp.asarray(t, jnp.result_type(float)))


def _near_one(t):
    return 1 - 0.01 * _wave(t)


def _near_one_traced(t):
    return 1 - 0.01 * _wave_traced(t)


# What each scheduler is made with. Its arguments are ours and PyTorch's.
_SCHEDULERS = {
    "StepLR": ("step_lr", [{"step_size": 7}, {"step_size": 10, "gamma": 0.7}]),
    "MultiStepLR": (
        "multi_step_lr",
        [{"milestones": [30, 10, 10, 80]}, {"milestones": [0, 5], "gamma": 0.5}],
    ),
    "ConstantLR": ("constant_lr", [{}, {"factor": 0.7, "total_iters": 20}]),
    "LinearLR": (
        "linear_lr",
        [{}, {"start_factor": 0.2, "end_factor": 0.0, "total_iters": 30}],
    ),
    "ExponentialLR": ("exponential_lr", [{"gamma": 0.95}]),
    "PolynomialLR": ("polynomial_lr", [{}, {"total_iters": 70, "power": 2.5}]),
    "CosineAnnealingLR": (
        "cosine_annealing_lr",
        [{"T_max": 25}, {"T_max": 30, "eta_min": 0.05}],
    ),
    "CosineAnnealingWarmRestarts": (
        "cosine_annealing_warm_restarts",
        [{"T_0": 13}, {"T_0": 10, "T_mult": 2, "eta_min": 0.05}],
    ),
    "OneCycleLR": (
        "one_cycle_lr",
        [
            {"max_lr": 2.0, "total_steps": 120},
            {
                "max_lr": 2.0,
                "epochs": 12,
                "steps_per_epoch": 11,
                "pct_start": 0.25,
                "anneal_strategy": "linear",
                "div_factor": 10.0,
                "final_div_factor": 50.0,
                "base_momentum": 0.7,
                "max_momentum": 0.9,
            },
            {"max_lr": 2.0, "total_steps": 120, "pct_start": 0.35, "three_phase": True},
        ],
    ),
    "CyclicLR": (
        "cyclic_lr",
        [
            {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 10},
            {
                "base_lr": 0.1,
                "max_lr": 1.0,
                "step_size_up": 7,
                "step_size_down": 16,
                "mode": "triangular2",
                "base_momentum": 0.6,
            },
            {
                "base_lr": 0.1,
                "max_lr": 1.0,
                "step_size_up": 10,
                "mode": "exp_range",
                "gamma": 0.98,
            },
        ],
    ),
}


def _schedule(name, make_ours, make_theirs, index=0):
    return ScheduleCase(
        rule=f"compat.torch.{name}",
        ours=make_ours,
        theirs=lambda steps: run_scheduler(make_theirs, steps)[:, index],
    )


def _single(theirs, ours, options):
    return (
        lambda: getattr(compat, ours)(0.3, **options),
        lambda s, optimizer: getattr(s, theirs)(optimizer, **options),
    )


def _functions():
    def half(x):
        return 0.5**x

    yield (
        "LambdaLR",
        "lambda_lr",
        lambda: compat.lambda_lr(0.3, _wave_traced),
        lambda s, o: s.LambdaLR(o, _wave),
    )
    yield (
        "MultiplicativeLR",
        "multiplicative_lr",
        lambda: compat.multiplicative_lr(0.3, _near_one_traced),
        lambda s, o: s.MultiplicativeLR(o, _near_one),
    )
    for mode in ("cycle", "iterations"):
        options = {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 9, "scale_mode": mode}
        yield (
            f"CyclicLR {mode}",
            "cyclic_lr",
            lambda options=options: compat.cyclic_lr(0.3, scale_fn=half, **options),
            lambda s, o, options=options: s.CyclicLR(o, scale_fn=half, **options),
        )


# Members of a combination: ours of a rate, theirs of the module and an optimizer.
PARTS = {
    "warm-up": (
        lambda: compat.linear_lr(0.3, 0.1, total_iters=20),
        lambda s, o: s.LinearLR(o, 0.1, total_iters=20),
    ),
    "hold": (
        lambda: compat.constant_lr(0.3, 0.5, 30),
        lambda s, o: s.ConstantLR(o, 0.5, 30),
    ),
    "exponential": (
        lambda: compat.exponential_lr(0.3, 0.97),
        lambda s, o: s.ExponentialLR(o, 0.97),
    ),
    "steps": (lambda: compat.step_lr(0.3, 25, 0.5), lambda s, o: s.StepLR(o, 25, 0.5)),
    "milestones": (
        lambda: compat.multi_step_lr(0.3, [15, 45], 0.5),
        lambda s, o: s.MultiStepLR(o, [15, 45], 0.5),
    ),
    "polynomial": (
        lambda: compat.polynomial_lr(0.3, 60, 1.5),
        lambda s, o: s.PolynomialLR(o, 60, 1.5),
    ),
    "cosine": (
        lambda: compat.cosine_annealing_lr(0.3, 40, 0.01),
        lambda s, o: s.CosineAnnealingLR(o, 40, 0.01),
    ),
    "restarts": (
        lambda: compat.cosine_annealing_warm_restarts(0.3, 20, 2),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 20, 2),
    ),
    "wave": (
        lambda: compat.lambda_lr(0.3, _wave_traced),
        lambda s, o: s.LambdaLR(o, _wave),
    ),
    "product": (
        lambda: compat.multiplicative_lr(0.3, _near_one_traced),
        lambda s, o: s.MultiplicativeLR(o, _near_one),
    ),
    "one cycle": (
        lambda: compat.one_cycle_lr(0.3, 2.0, 130),
        lambda s, o: s.OneCycleLR(o, 2.0, 130),
    ),
    "cycle": (
        lambda: compat.cyclic_lr(0.3, 0.1, 1.0, 7, 5, "triangular2"),
        lambda s, o: s.CyclicLR(o, 0.1, 1.0, 7, 5, "triangular2"),
    ),
}


# The schedulers that PyTorch lets change what others read, beside those that show it.
_SEQUENCES = {
    ("warm-up", "cosine"): [20],
    ("hold", "polynomial", "product", "restarts"): [10, 40, 70],
    ("steps", "wave", "exponential"): [30, 60],
    ("one cycle", "steps", "restarts"): [30, 60],
    ("cosine", "one cycle", "polynomial"): [20, 60],
    ("wave", "one cycle"): [20],
    ("cycle", "product", "warm-up"): [20, 50],
    ("hold", "cycle", "one cycle"): [20, 50],
}
_CHAINS = (
    ("warm-up", "exponential", "steps"),
    ("hold", "polynomial", "milestones", "product"),
    ("warm-up", "cosine"),
    ("cosine", "warm-up", "exponential"),
    ("exponential", "wave", "steps"),
    ("warm-up", "cycle"),
    ("cycle", "cosine", "steps"),
    ("one cycle", "warm-up"),
    ("restarts", "one cycle"),
)


def _combined():
    for names, milestones in _SEQUENCES.items():
        parts = [PARTS[name] for name in names]
        yield (
            f"SequentialLR {', '.join(names)}",
            "sequential_lr",
            lambda parts=parts, m=milestones: compat.sequential_lr(
                0.3, [ours() for ours, _ in parts], m
            ),
            lambda s, o, parts=parts, m=milestones: s.SequentialLR(
                o, [theirs(s, o) for _, theirs in parts], m
            ),
        )
    for names in _CHAINS:
        parts = [PARTS[name] for name in names]
        yield (
            f"ChainedScheduler {', '.join(names)}",
            "chained_scheduler",
            lambda parts=parts: compat.chained_scheduler([ours() for ours, _ in parts]),
            lambda s, o, parts=parts: s.ChainedScheduler([theirs(s, o) for _, theirs in parts]),
        )
    (warm, torch_warm), (fall, torch_fall), (steps, torch_steps) = (
        PARTS[name] for name in ("warm-up", "exponential", "steps")
    )
    yield (
        "SequentialLR of a ChainedScheduler",
        "sequential_lr",
        lambda: compat.sequential_lr(
            0.3, [compat.chained_scheduler([warm(), fall()]), steps()], [30]
        ),
        lambda s, o: s.SequentialLR(
            o, [s.ChainedScheduler([torch_warm(s, o), torch_fall(s, o)]), torch_steps(s, o)], [30]
        ),
    )
    yield (
        "ChainedScheduler of a SequentialLR",
        "chained_scheduler",
        lambda: compat.chained_scheduler(
            [warm(), compat.sequential_lr(0.3, [fall(), steps()], [30]), fall()]
        ),
        lambda s, o: s.ChainedScheduler(
            [
                torch_warm(s, o),
                s.SequentialLR(o, [torch_fall(s, o), torch_steps(s, o)], [30]),
                torch_fall(s, o),
            ]
        ),
    )


def _schedule_cases():
    for theirs, (ours, tried) in _SCHEDULERS.items():
        for number, options in enumerate(tried, 1):
            make_ours, make_theirs = _single(theirs, ours, options)
            yield f"{theirs} {number}", _schedule(ours, make_ours, make_theirs)
            if theirs in ("OneCycleLR", "CyclicLR"):
                yield (
                    f"{theirs} {number} momentum",
                    _schedule(ours, lambda m=make_ours: m().momentum, make_theirs, index=1),
                )
    for label, ours, make_ours, make_theirs in (*_functions(), *_combined()):
        yield label, _schedule(ours, make_ours, make_theirs)


SCHEDULES = dict(_schedule_cases())
