"""Run the real frameworks beside ours: write the golden files and the table of the README.

    python experiments/parity/parity.py [torch|keras|optax|pytorch_optimizer]

Without an argument it runs all. It needs the extra ``parity`` and takes a few minutes.
"""

import argparse
import importlib
import json
import os
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TESTS = ROOT / "tests" / "parity"
sys.path[:0] = [str(ROOT), str(TESTS)]

# Of the source tree, without an installation.
import jax  # noqa: E402
import numpy as np  # noqa: E402
from parity_streams import (  # noqa: E402
    SCHEDULE_STEPS,
    difference,
    gradients,
    pack,
    run_ours,
    run_schedule,
    schedule_difference,
    start,
)

FRAMEWORKS = {
    "torch": "PyTorch",
    "keras": "Keras",
    "optax": "Optax",
    "pytorch_optimizer": "pytorch-optimizer",
}
# What these compute is kept for tests, which run without them.
GOLDEN = ("torch", "keras")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", nargs="?", choices=FRAMEWORKS)
    chosen = parser.parse_args().framework
    jax.config.update("jax_enable_x64", True)
    # That a scheduler steps before its optimizer, and the like.
    warnings.simplefilter("ignore")
    results = read_results()
    for framework in [chosen] if chosen else list(FRAMEWORKS):
        results[framework] = measure(framework)
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    write_table(results)
    failed = [
        f"{framework}: {name}"
        for framework, result in results.items()
        for name, case in result["cases"].items()
        if (case["difference"] <= case["tolerance"]) == bool(case["apart"])
    ]
    if failed:
        raise SystemExit("\n".join(["Not equal, or not apart, as the cases say:", *failed]))


def read_results():
    path = HERE / "results.json"
    return json.loads(path.read_text()) if path.exists() else {}


def measure(framework):
    """Run every case of a framework, write its golden file and return the differences."""
    module = importlib.import_module(f"{framework}_cases")
    golden, found = {}, {}
    for name, case in module.CASES.items():
        theirs = case.theirs(start(case.leaves), gradients(case.leaves))
        found[name] = {**row(case, difference(run_ours(case), theirs)), "apart": case.apart}
        golden[name] = pack(theirs)
        print(f"{framework}: {found[name]['difference']:8.1e} {name}", flush=True)
    for name, case in module.SCHEDULES.items():
        theirs = case.theirs(SCHEDULE_STEPS)
        found[name] = {**row(case, schedule_difference(run_schedule(case), theirs)), "apart": ""}
        golden[name] = theirs
        print(f"{framework}: {found[name]['difference']:8.1e} {name}", flush=True)
    if framework in GOLDEN:
        write_golden(framework, golden)
    return {"version": version(framework), "jax": version("jax"), "cases": found}


def write_golden(framework, golden):
    """Write what the tests compare with, in place of the framework."""
    (TESTS / "golden").mkdir(exist_ok=True)
    np.savez_compressed(TESTS / "golden" / f"{framework}.npz", **golden)
    if framework == "torch":
        write_lines("torch_signatures", importlib.import_module("torch_signatures").of_torch())
        write_lines("torch_states", importlib.import_module("torch_states").record_all())


def write_lines(name, entries):
    """Write a JSON file with a line for each entry."""
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
    (TESTS / "golden" / f"{name}.json").write_text(f"{{\n{lines}\n}}\n")


def row(case, found):
    return {
        "rule": case.rule,
        "difference": found,
        "tolerance": case.tolerance,
        "reason": case.reason,
    }


def write_table(results):
    """Put the table between its markers."""
    rules = {}
    for framework, result in results.items():
        for case in result["cases"].values():
            rules.setdefault(case["rule"], {}).setdefault(framework, []).append(case)
    lines = [
        "| rule | agrees with | cases | largest difference | apart from |",
        "|---|---|--:|--:|---|",
    ]
    for rule, by_framework in sorted(rules.items(), key=lambda item: order(item[0])):
        every = [case for cases in by_framework.values() for case in cases]
        same = {f: [c for c in cases if not c["apart"]] for f, cases in by_framework.items()}
        agree = [
            FRAMEWORKS[framework]
            for framework, cases in same.items()
            if cases and all(case["difference"] <= case["tolerance"] for case in cases)
        ]
        equal = [case for cases in same.values() for case in cases]
        reasons = sorted({case["reason"] for case in equal} - {""})
        note = f" ({'; '.join(reasons)})" if reasons else ""
        largest = f"{max(case['difference'] for case in equal):.1e}{note}" if equal else ""
        apart = [
            f"{FRAMEWORKS[framework]}, {case['difference']:.1e}: {case['apart']}"
            for framework, cases in by_framework.items()
            for case in cases
            if case["apart"]
        ]
        cells = [f"`{rule}`", ", ".join(agree) or "none", str(len(every)), largest]
        lines.append(f"| {' | '.join([*cells, '; '.join(apart)])} |")
    versions = ", ".join(f"{FRAMEWORKS[f]} {r['version']}" for f, r in results.items())
    jax_versions = sorted({r["jax"] for r in results.values()})
    lines += ["", f"{versions}, JAX {', '.join(jax_versions)}, float64, on a CPU."]
    readme = HERE / "README.md"
    block = "\n".join(["<!-- table: written by parity.py -->", *lines, "<!-- end -->"])
    text = re.sub(
        r"<!-- table: written by parity.py -->.*?<!-- end -->",
        lambda _: block,
        readme.read_text(),
        flags=re.DOTALL,
    )
    readme.write_text(text)


def order(rule):
    """Sort the library's own rules before those of other frameworks."""
    return rule.startswith("compat."), rule


if __name__ == "__main__":
    main()
