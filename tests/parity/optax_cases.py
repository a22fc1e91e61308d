"""The rules of Optax beside those of the library: which are the same, and which are not."""

import optax
from parity_case import Case
from parity_streams import run_ours, varying_traced

import ae_optax

# Rule of ours: its arguments, the transformation of Optax at a rate, and what differs, if anything.
RULES = {
    "adabelief": (
        {"eps": 1e-8},
        lambda rate: optax.adabelief(rate, eps=1e-8, eps_root=1e-8),
        "",
    ),
    "adadelta": ({"decay": 0.8, "eps": 1e-4}, lambda r: optax.adadelta(r, 0.8, eps=1e-4), ""),
    "adafactor": ({}, optax.adafactor, "small matrices are not factored, and other defaults"),
    "adagrad": ({"eps": 1e-4}, lambda rate: optax.adagrad(rate, 0.0, eps=1e-4), ""),
    "adam": ({}, optax.adam, ""),
    "adamax": ({"eps": 1e-4}, lambda rate: optax.adamax(rate, eps=1e-4), ""),
    "adamw": ({"weight_decay": 0.1}, lambda rate: optax.adamw(rate, weight_decay=0.1), ""),
    "adan": (
        {"weight_decay": 0.1},
        lambda rate: optax.adan(rate, eps_root=0.0, weight_decay=0.1),
        "1 - β₂ stands where the paper has β₂",
    ),
    "amsgrad": ({}, optax.amsgrad, ""),
    "classical_momentum": (
        {},
        lambda rate: optax.sgd(rate, 0.9),
        "the rate is outside the velocity",
    ),
    "lamb": (
        {"eps": 1e-4, "weight_decay": 0.1},
        lambda rate: optax.lamb(rate, eps=1e-4, weight_decay=0.1),
        "",
    ),
    "lars": (
        {"weight_decay": 0.1},
        lambda rate: optax.lars(rate, 0.1),
        "the norm is of the sum of gradient and decay",
    ),
    "lion": ({"weight_decay": 0.1}, lambda rate: optax.lion(rate, weight_decay=0.1), ""),
    "momentum": ({"momentum": 0.8}, lambda rate: optax.sgd(rate, 0.8), ""),
    "nadam": ({}, optax.nadam, ""),
    "nadam_scheduled": ({}, optax.nadam, "the momentum follows no schedule"),
    "nesterov": (
        {},
        lambda rate: optax.sgd(rate, 0.9, nesterov=True),
        "the rate is outside the velocity",
    ),
    "radam": ({}, optax.radam, ""),
    "rmsprop": ({"eps": 1e-4}, lambda rate: optax.rmsprop(rate, eps=1e-4), ""),
    "rmsprop_centered": (
        {"eps": 1e-4},
        lambda rate: optax.rmsprop(rate, eps=1e-4, centered=True),
        "",
    ),
    "rmsprop_momentum": (
        {},
        lambda rate: optax.rmsprop(rate, momentum=0.9),
        "the rate is inside the velocity",
    ),
    "schedule_free_adamw": (
        {},
        lambda rate: optax.contrib.schedule_free_adamw(rate),
        "",
    ),
    "sgd": ({}, optax.sgd, ""),
    "yogi": ({}, optax.yogi, "the bias of the averages is corrected"),
}


def _case(rule, arguments, theirs, apart):
    other = Case(rule=rule, ours=lambda: theirs(varying_traced), theirs=lambda *_: {})
    return Case(
        rule=rule,
        ours=lambda: getattr(ae_optax, rule)(varying_traced, **arguments),
        theirs=lambda *_: run_ours(other),
        apart=apart,
    )


CASES = {rule: _case(rule, *entry) for rule, entry in RULES.items()}
SCHEDULES = {}
