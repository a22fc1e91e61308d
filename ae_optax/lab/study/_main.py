"""The program of a study: measure, keep the numbers with where they come from, draw, tell."""

import argparse
import datetime
import io
import json
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab import runs
from ae_optax.lab._environment import device, versions
from ae_optax.lab.cli import safe_streams
from ae_optax.lab.figures import drawing, standalone
from ae_optax.lab.study._readme import write_blocks


class Measured(NamedTuple):
    """What a study found.

    Attributes:
        setup: All that decides the numbers, in plain values: configs with every default written.
        numbers: All that was found, in plain values; what is not finite is ``None``.
        seeds: Which were used; empty if nothing is random.
        arrays: Images and the like that figures need, by name.
    """

    setup: Mapping[str, Any]
    numbers: Mapping[str, Any]
    seeds: Sequence[int] = ()
    arrays: Mapping[str, np.ndarray] = {}


class Picture(NamedTuple):
    """A figure of a study.

    Attributes:
        figure: Matplotlib's figure.
        description: What it shows, for those who cannot see it.
    """

    figure: Any
    description: str


def run(
    script: str,
    measure: Callable[[bool], Measured],
    *,
    pictures: Callable[[Measured], Mapping[str, Picture]],
    tables: Callable[[Measured], Mapping[str, str]],
    argv: Sequence[str] | None = None,
) -> None:
    """Run a study as its command line says.

    It writes ``results.json``, perhaps ``arrays.npz``, an SVG for every picture, and its tables
    into the page ``README.md``, beside the script. With ``--quick`` it measures little, writes
    below ``runs/`` and prints the tables; with ``--redraw`` it measures nothing.

    Args:
        script: The study's ``__file__``.
        measure: From whether to be quick to what was found.
        pictures: From that to the pictures by the names of their files.
        tables: From that to blocks of Markdown by their names in the page.
        argv: The arguments; those of the process by default.

    Raises:
        SystemExit: If the command line is mistyped, or what it needs is missing.
    """
    with safe_streams():
        _run(Path(script).resolve(), measure, pictures, tables, argv)


def _run(script, measure, pictures, tables, argv):
    folder = script.parent
    arguments = _parse(folder.name, argv)
    out = Path("runs") / "experiments" / folder.name if arguments.quick else folder
    if arguments.redraw:
        found = _read(out)
    else:
        found = _measure(measure, arguments.quick)
        out.mkdir(parents=True, exist_ok=True)
        _write(out, found, f"python experiments/{folder.name}/{script.name}", argv)
    with drawing():
        for name, picture in pictures(found[0]).items():
            svg = standalone(picture.figure, description=picture.description)
            runs.write_file(out / f"{name}.svg", svg)
    blocks = tables(found[0])
    for block in blocks.values():
        print(f"\n{block}")
    if not arguments.quick:
        write_blocks(folder / "README.md", blocks)
    print(f"\nResults and figures: {out}")


def _parse(name, argv):
    parser = argparse.ArgumentParser(prog=f"experiments/{name}/run.py")
    parser.add_argument(
        "--quick", action="store_true", help="a small variant that runs anywhere, in a minute"
    )
    parser.add_argument(
        "--redraw", action="store_true", help="draw again what was measured, measure nothing"
    )
    return parser.parse_args(argv)


def _measure(measure, quick):
    started, clock = datetime.datetime.now().astimezone(), time.perf_counter()
    measured = measure(quick)
    return measured, {
        "date": started.isoformat(timespec="seconds"),
        "wall_seconds": round(time.perf_counter() - clock, 3),
    }


def _write(out, found, command, argv):
    measured, when = found
    words = sys.argv[1:] if argv is None else argv
    results = {
        "measured": {
            **when,
            "command": shlex.join([*command.split(), *words]),
            "versions": versions(),
            "device": device(),
            "seeds": list(measured.seeds),
            "config": runs.run_id(measured.setup),
        },
        "setup": measured.setup,
        "numbers": measured.numbers,
    }
    runs.write_file(out / "results.json", _json(results))
    if measured.arrays:
        content: Any = io.BytesIO()
        np.savez_compressed(content, **measured.arrays)
        runs.write_file(out / "arrays.npz", content.getvalue())


def _json(results):
    """Write JSON with every list of plain values on one line."""
    text = json.dumps(results, indent=1, allow_nan=False)
    lists = re.compile(r"\[[^][{}]*\]")
    return lists.sub(lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def _read(out):
    path = out / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        measured, arrays = results["measured"], {}
        if (out / "arrays.npz").exists():
            with np.load(out / "arrays.npz") as file:
                arrays = dict(file)
        return Measured(results["setup"], results["numbers"], measured["seeds"], arrays), measured
    except FileNotFoundError as error:
        raise SystemExit(f"{path}: nothing was measured yet. Run it without --redraw.") from error
    except Exception as error:  # Damage can make the readers of ZIP and NPY raise anything.
        raise SystemExit(f"{out}: is damaged: {error!r}. Run it without --redraw.") from error
