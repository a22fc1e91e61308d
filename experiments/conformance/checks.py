"""What is asked of an implementation: the authors' trajectories, properties, odd leaves.

Nothing is known of it but how to drive it (``adapters.py``), so that a failure names what is wrong
in words and not in somebody's variables.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
STEPS = 10


class Implementation(NamedTuple):
    """Somebody's optimizer.

    Attributes:
        name: Whose, and which.
        family: Which rule it says it is.
        make: From hyperparameters, by the names below, what drives one leaf.
        layout: ``"out, in"`` or ``"in, out"``: what the axes of its matrices are.
    """

    name: str
    family: str
    make: Callable[[dict[str, Any]], Callable[..., np.ndarray]]
    layout: str = "out, in"


class Check(NamedTuple):
    """One question.

    Attributes:
        name: What is true of it if it is right.
        families: Of which rules it is asked.
        measure: How far the implementation is from it.
        tolerance: How far it may be.
    """

    name: str
    families: tuple[str, ...]
    measure: Callable[[Implementation], float]
    tolerance: float


# Where the authors' code led: of each rule, each way in which it is published.
DIALECTS = {
    "adamuon": {"its authors'": "adamuon_tall_falling_decay"},
    "kl_shampoo": {"its authors'": "kl_shampoo_square_falling_decay"},
    "muon": {
        "Keller Jordan's": "muon_tall_falling_decay",
        "PyTorch's, rates matched": "muon_torch_tall_match_rms",
        "Optax's": "muon_optax_wide_falling_decay",
    },
    "normuon": {"its authors'": "normuon_tall_falling_decay"},
    "shampoo": {
        "Google's": "shampoo_google_square_eigh",
        "Meta's": "shampoo_meta_square_falling_decay",
    },
    "soap": {"its authors'": "soap_square_falling_decay"},
    "splus": {
        "its authors', PyTorch": "splus_square_falling_decay",
        "its authors', JAX": "splus_jax_square_falling_decay",
    },
}
# What the authors call the numbers.
NAMES = {
    "beta": "momentum",
    "beta1": "b1",
    "beta2": "b2",
    "ema_rate": "average_decay",
    "epsilon": "eps",
    "inverse_every": "refresh_every",
    "matrix_epsilon": "eps",
    "precondition_frequency": "refresh_every",
    "preconditioning_compute_steps": "refresh_every",
    "start_preconditioning_step": "start",
}


@functools.cache
def trajectory(file):
    """Return a recorded trajectory, and the numbers it was recorded with, by our names."""
    with np.load(GOLDEN / f"{file}.npz") as found:
        record = dict(found)
    settings = json.loads(str(record["settings"]))
    numbers = {NAMES.get(key, key): v for key, v in settings["hyperparameters"].items()}
    if "betas" in numbers:
        numbers["b1"], numbers["b2"] = numbers.pop("betas")
    layout = "in, out" if "(in, out)" in settings["leaf_layout"] else "out, in"
    return record, numbers, layout


def distance(implementation, file):
    """Return how far the implementation is from a trajectory, over the length of the way."""
    record, numbers, layout = trajectory(file)
    run = implementation.make(numbers)
    if layout != implementation.layout:
        from adapters import transposed

        run = transposed(run)
    path = run(record["start"], record["gradients"], record["rates"])
    found = path[record["steps"] - 1]
    off = np.linalg.norm(found - record["parameters_after"], axis=(1, 2))
    way = np.linalg.norm(record["parameters_after"] - record["start"], axis=(1, 2))
    moved = way > 0  # The first call of some only sets up.
    return float(np.max(off[moved] / way[moved]))


# Settings of the properties: no decay, nothing that depends on a unit.
PLAIN = {
    "momentum": 0.9,
    "b1": 0.9,
    "b2": 0.9,
    "eps": 1e-20,
    "refresh_every": 3,
    "average_decay": 0.9,
    "start": 1,
    "weight_decay": 0.0,
}


@functools.cache
def plain(implementation):
    return implementation.make(PLAIN)


def steps_of(run, gradients):
    """Return the steps that are made of gradients at a rate of 1, from zero."""
    start = np.zeros_like(gradients[0])
    path = run(start, gradients, np.ones(len(gradients)))
    return np.diff(path, axis=0, prepend=start[None])


def stream(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(STEPS, *shape))


def relative(found, desired):
    return float(np.max(np.abs(found - desired)) / np.max(np.abs(desired)))


def turned_with_the_gradients(implementation):
    left, right = (np.linalg.qr(stream(5, 5, seed=s)[0])[0] for s in (1, 2))
    gradients, run = stream(5, 5), plain(implementation)
    there, here = steps_of(run, left @ gradients @ right.T), steps_of(run, gradients)
    # SPlus takes its first sign in the coordinates as they are.
    first = 1 if implementation.family == "splus" else 0
    return relative(there[first:], (left @ here @ right.T)[first:])


def deaf_to_the_unit(implementation):
    gradients, run = stream(5, 5), plain(implementation)
    return relative(steps_of(run, 1e3 * gradients), steps_of(run, gradients))


def still_without_gradients(implementation):
    return float(np.max(np.abs(steps_of(plain(implementation), 0 * stream(5, 5)))))


def singular_values_alike(implementation):
    values = np.linalg.svd(steps_of(plain(implementation), stream(5, 5))[0], compute_uv=False)
    return float(values[0] / values[-1])


def odd_leaves():
    g = stream(4, 3, seed=3).astype(np.float32)
    border = g.copy()
    border[:, 0] = 0  # As pixels at the border have it.
    return {
        "zero": 0 * g,
        "rank one": np.einsum("ti,tj->tij", g[:, :, 0], g[:, 0]),
        "one row": g[:, :1],
        "one column": g[:, :, :1],
        "a row of zeros": border,
        "1e-20": 1e-20 * g,
        "1e+20": 1e20 * g,
    }


def broken_by(implementation):
    """Return the odd leaves on which something is not finite, in float32."""
    run = implementation.make(PLAIN | {"eps": 1e-8})

    def breaks(gradients):
        try:
            steps = steps_of(run, gradients)
        except Exception:  # Whatever it is, training would have ended.
            return True
        return not np.all(np.isfinite(steps))

    with np.errstate(all="ignore"):
        return [name for name, gradients in odd_leaves().items() if breaks(gradients)]


# SOAP. One set of numbers for three questions, each of which notices one fault alone.
SOAP = {"b1": 0.0, "b2": 0.9, "eps": 1e-3, "refresh_every": 4, "weight_decay": 0.0}
SIZE = 4


@functools.cache
def soap_of(implementation):
    return implementation.make(SOAP)


def diagonal(scale):
    """Return gradients whose bases are the coordinates, in descending order."""
    sizes = scale * np.arange(SIZE, 0, -1.0)
    return np.einsum("ti,ij->tij", sizes * (1 + 0.1 * np.tanh(stream(SIZE))), np.eye(SIZE))


def adams(gradients, *, skipped, eps_of_corrected):
    """Return Adam's steps, its first gradients only looked at."""
    second, steps = np.zeros_like(gradients[0]), []
    for k, g in enumerate(gradients, 1 - skipped):
        if k < 1:
            steps.append(0 * g)
            continue
        second = SOAP["b2"] * second + (1 - SOAP["b2"]) * g**2
        corrected = np.sqrt(1 - SOAP["b2"] ** k)
        eps = SOAP["eps"] * (1 if eps_of_corrected else 1 / corrected)
        steps.append(-g / (np.sqrt(second) / corrected + eps))
    return np.stack(steps)


def from_adam(implementation, scale, first, last):
    """Return how far from Adam it is on diagonal gradients, whichever of four Adams is nearest."""
    gradients = diagonal(scale)
    found = steps_of(soap_of(implementation), gradients)
    # Which diagonal entry is which is not asked.
    return min(
        relative(found[first:last], adams(gradients, skipped=s, eps_of_corrected=e)[first:last])
        for s in (0, 1)
        for e in (False, True)
    )


def eps_outside_the_root(implementation):
    # Gradients as small as ε, and no step after the first time that bases follow.
    return from_adam(implementation, 1e-3, 1, SOAP["refresh_every"] + 1)


def second_moment_kept(implementation):
    return from_adam(implementation, 1e3, 1, STEPS)


def statistic_of_this_step(implementation):
    """Return how much of a step lies off the diagonal of the bases that it ought to be made in."""
    gradients = stream(SIZE, SIZE, seed=5)
    left = right = None
    statistics = [np.zeros((SIZE, SIZE))] * 2
    probe = SOAP["refresh_every"] + 1
    for t, g in enumerate(gradients[:probe]):
        grams = g @ g.T, g.T @ g
        statistics = [
            SOAP["b2"] * s + (1 - SOAP["b2"]) * a for s, a in zip(statistics, grams, strict=True)
        ]
        if t == 0:
            left, right = (np.linalg.eigh(s)[1][:, ::-1] for s in statistics)
    left, right = (_followed(s, q) for s, q in zip(statistics, (left, right), strict=True))
    gradients[probe] = left @ np.diag([4.0, 3.0, 2.0, 1.0]) @ right.T
    step = left.T @ steps_of(soap_of(implementation), gradients)[probe] @ right
    return float(np.linalg.norm(step - np.diag(np.diag(step))) / np.linalg.norm(step))


def _followed(statistic, basis):
    order = np.argsort(-np.diag(basis.T @ statistic @ basis))
    return np.linalg.qr(statistic @ basis[:, order])[0]


ROTATED = ("kl_shampoo", "muon", "shampoo", "soap", "splus")
UNITLESS = ("adamuon", "muon", "normuon", "soap", "splus")
EVERY = tuple(DIALECTS)
# 1e-3: where parts are computed in float32, as a QR factorisation often is.
CHECKS = (
    Check("zero gradients move nothing", EVERY, still_without_gradients, 1e-12),
    Check("turns with the gradients", ROTATED, turned_with_the_gradients, 1e-3),
    Check("is deaf to the gradients' unit", UNITLESS, deaf_to_the_unit, 1e-3),
    Check("makes singular values alike", ("muon",), singular_values_alike, 2.0),
    Check("ε stands outside the root", ("soap",), eps_outside_the_root, 1e-3),
    Check("the second moment outlives a change of bases", ("soap",), second_moment_kept, 1e-3),
    Check("bases know the last gradient", ("soap",), statistic_of_this_step, 1e-3),
)
EQUAL = 1e-5


def failures(implementation, checks=CHECKS):
    """Return the names of the checks that an implementation fails."""
    return [
        check.name
        for check in checks
        if implementation.family in check.families
        and not check.measure(implementation) <= check.tolerance
    ]
