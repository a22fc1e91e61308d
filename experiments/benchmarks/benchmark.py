"""Measure the package's speed: its trainer, its updates, its comparison.

Usage: python experiments/benchmarks/benchmark.py [--quick] [--only PART]
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

import adam
import capture
import comparison
import keeping
import leaves
import machine
import matrix
import memory
import streaming
import tables
import tracing
import trainer
import update

HERE = Path(__file__).parent
PARTS = {
    "trainer": trainer.measure,
    "update": update.measure,
    "leaves": leaves.measure,
    "tracing": tracing.measure,
    "adam": adam.measure,
    "comparison": comparison.measure,
    "keeping": keeping.measure,
    "streaming": streaming.measure,
    "capture": capture.measure,
    "matrix": matrix.measure,
    "matrix_losses": matrix.measure_losses,
    "memory": memory.measure,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="does it work? Few repetitions, nothing written"
    )
    parser.add_argument("--only", choices=PARTS, help="measure one part, keep the others")
    arguments = parser.parse_args()
    path = HERE / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for part in [arguments.only] if arguments.only else PARTS:
        measured = machine.describe(shlex.join(["python", *sys.argv]))
        result = {"measured": measured} | PARTS[part](arguments.quick)
        print(f"\n{tables.TABLES[part](result)}\n", flush=True)
        results[part] = result
    if not arguments.quick:
        path.write_text(json.dumps(results, indent=1) + "\n")
        tables.write(HERE / "README.md", results)


if __name__ == "__main__":
    main()
