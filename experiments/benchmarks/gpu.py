"""Measure the package on a GPU: products, trainer, update, many runs at once.

Usage: python experiments/benchmarks/gpu.py [--minutes 9] [--only SECTION ...] [--tiny] [--fresh]

Each section runs in a process of its own and is written as soon as it is done; a repeated command
measures only what is missing. `--tiny` shows on any machine that everything works and writes below
runs/.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import gpu_sections
import gpu_table
import machine

from ae_optax.lab.study import write_blocks

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9, help="begin no section after so many")
    parser.add_argument("--only", nargs="+", choices=gpu_sections.SECTIONS, metavar="SECTION")
    parser.add_argument("--tiny", action="store_true", help="does it work? No measurement")
    parser.add_argument("--fresh", action="store_true", help="measure also what is there")
    parser.add_argument("--section", choices=gpu_sections.SECTIONS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.section:
        print(json.dumps(gpu_sections.measure(arguments.section, arguments.tiny)))
        return
    folder = Path("runs/benchmarks") if arguments.tiny else HERE
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gpu.json"
    results = json.loads(path.read_text()) if path.exists() and not arguments.fresh else {}
    deadline = time.monotonic() + 60 * arguments.minutes
    for section in arguments.only or gpu_sections.SECTIONS:
        left = deadline - time.monotonic()
        if section in results or left <= 0:
            continue
        found = _apart(section, arguments.tiny, left)
        print(f"{section}: {json.dumps(found)}", flush=True)
        if "failed" not in found:  # What failed is tried again by the next command.
            measured = machine.describe(shlex.join(["python", *sys.argv]))
            results[section] = {"measured": measured} | found
            path.write_text(json.dumps(results, indent=1) + "\n")
    table = gpu_table.table(results)
    print(table)
    if not arguments.tiny:
        write_blocks(HERE / "README.md", {"gpu": table})
    missing = [name for name in arguments.only or gpu_sections.SECTIONS if name not in results]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}. The same command goes on with them.")


def _apart(section, tiny, seconds):
    """Return what a process of its own measures; memory and settings are not shared."""
    command = [sys.executable, __file__, "--section", section, *["--tiny"] * tiny]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds + 60
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"it took more than {seconds + 60:.0f} s"}
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
