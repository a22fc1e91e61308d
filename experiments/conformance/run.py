"""Who equals what, of those that publish matrix optimizers?

Usage: python experiments/conformance/run.py [--quick | --redraw]
"""

import contextlib

import jax
import numpy as np
from adapters import optax_like
from checks import CHECKS, DIALECTS, EQUAL, Implementation, broken_by, distance
from implementations import exact, installed
from planted import FAULTS

from ae_optax.lab import study
from ae_optax.lab.figures import colour, log_axes, make_panels, number

QUICK = ("ae_optax", "optax")


def measure(quick):
    found, versions = installed(QUICK) if quick else installed()
    if quick:
        found = [each for each in found if each.family in ("soap", "muon")]
    faulty = [
        Implementation(name, "soap", lambda h, fault=fault: optax_like(fault(h)))
        for name, fault in FAULTS.items()
    ]
    numbers = {
        "implementations": [of(each, quick) for each in found],
        "faults": [of(each, quick) for each in faulty],
    }
    setup = {
        "dialects": DIALECTS,
        "checks": {check.name: check.tolerance for check in CHECKS},
        "equal": EQUAL,
        "packages": versions,
    }
    return study.Measured(setup, numbers)


def of(implementation, quick):
    """Return what is seen of an implementation: in float64, and in float32 what breaks it."""
    print(implementation.name, flush=True)
    odd = broken_by(implementation)
    with jax.enable_x64(True), contextlib.nullcontext() if quick else exact():
        return {
            "name": implementation.name,
            "family": implementation.family,
            "distances": {
                dialect: attempt(lambda file=file: distance(implementation, file))
                for dialect, file in DIALECTS[implementation.family].items()
            },
            "checks": {
                check.name: attempt(lambda check=check: check.measure(implementation))
                for check in CHECKS
                if implementation.family in check.families
            },
            "broken_by": odd,
        }


def attempt(function):
    """Return a number, or in words why there is none."""
    try:
        found = function()
    except Exception as error:  # Of somebody else's code.
        return f"{type(error).__name__}: {error}".splitlines()[0][:100]
    return float(f"{found:.3g}") if np.isfinite(found) else "not finite"


def nearest(row):
    """Return the nearest dialect and how far it is, or ``None``."""
    reached = {k: v for k, v in row["distances"].items() if not isinstance(v, str)}
    return min(reached.items(), key=lambda pair: pair[1], default=None)


def fails(row, name, tolerances):
    value = row["checks"].get(name, 0.0)
    return isinstance(value, str) or value > tolerances[name]


def pictures(found):
    rows = [row for row in found.numbers["implementations"] if nearest(row)]
    panels = make_panels(
        [""],
        columns=1,
        size=(330, 15 * len(rows) + 10),
        x="distance from the nearest of its authors",
    )
    axes = panels.axes[0]
    for place, row in enumerate(reversed(rows)):
        own = row["name"].startswith("ae_optax")
        far = max(nearest(row)[1], 1e-16)
        axes.plot([far], [place], "o", color=colour(0 if own else 1))
    axes.set_xlim(1e-17, 30)
    log_axes(axes, "x")
    axes.set_xticks([1e-15, 1e-10, 1e-5, 1])
    axes.minorticks_off()
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_yticks(range(len(rows)), [row["name"] for row in reversed(rows)])
    described = "How far each implementation ends from the nearest trajectory of its authors' code."
    return {"distances": study.Picture(panels.figure, described)}


def verdict(row):
    near = nearest(row)
    if near is None:
        return f"does not run: {next(iter(row['distances'].values()))}"
    name, far = near
    return f"equals {name}" if far <= EQUAL else f"apart from {name}"


def tables(found):
    rows = found.numbers["implementations"]
    equal = [
        [row["name"], verdict(row), number(nearest(row)[1]) if nearest(row) else ""] for row in rows
    ]
    tolerances = found.setup["checks"]
    names = list(tolerances)

    def marks(row):
        for name in names:
            asked = name in row["checks"]
            yield ("○" if fails(row, name, tolerances) else "●") if asked else ""

    failed = [
        [row["name"], "; ".join(name for name in names if fails(row, name, tolerances))]
        for row in found.numbers["faults"]
    ]
    odd = [[row["name"], ", ".join(row["broken_by"])] for row in rows if row["broken_by"]]
    versions = [[name, version] for name, version in found.setup["packages"].items()]
    return {
        "equal": study.table(["", "", "distance"], equal),
        "checks": study.table(["", *names], [[row["name"], *marks(row)] for row in rows]),
        "odd": study.table(["", "not finite on"], odd),
        "faults": study.table(["planted in ours", "what fails"], failed),
        "versions": study.table(["package", "version"], versions),
    }


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
