"""The program's commands and their arguments."""

import argparse
from pathlib import Path

from ae_optax import __version__
from ae_optax.lab.cli._processes import add_processes

EPILOG = """\
exit codes:
  0  done
  1  a run, or every run of a comparison, failed or could not be kept; a download failed
  2  a mistake in the command, the config, the data or the output folder
  3  the training diverged
  129  stopped by SIGHUP; a training run is saved, the same command takes it up again
  130  stopped by ctrl-C, likewise
  134  another of several processes died, and JAX ended this one; likewise
  143  stopped by SIGTERM, likewise

Compiled programs are kept in the user's cache folder; AE_OPTAX_COMPILATION_CACHE names another,
or says off.

The data sets mnist and fashion_mnist are looked for below the folder that data.path or the
variable AE_OPTAX_DATA names, and where torchvision, Keras and Debian put them. Nothing is
downloaded but by `ae-optax data fetch`.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; what is parsed names the function of its ``command``."""
    parser = argparse.ArgumentParser(
        prog="ae-optax",
        description="Train autoencoders and compare optimizers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ae-optax {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    training = _add_run(commands, "train", "train an autoencoder as a config says", "_train.train")
    training.add_argument(
        "--resume",
        type=_path,
        metavar="RUN",
        help="take up the run in this folder, without CONFIG; --set training.epochs=N: to there",
    )
    add_processes(training)
    comparing = _add_run(
        commands,
        "compare",
        "compare optimizers as a config says, with a report",
        "_compare.compare",
    )
    _add_executor(comparing)
    _add_sweep(commands)
    report = _add_folders(
        commands, "report", "rebuild reports from run folders", "_report.report_on"
    )
    report.add_argument(
        "--out",
        type=_path,
        metavar="DIR",
        help="a new or empty folder for a report of several runs (default: below runs/)",
    )
    report.add_argument(
        "--files",
        action="store_true",
        help="also write figures as SVG and PNG, tables as Markdown and LaTeX, beside the report",
    )
    held = commands.add_parser("runs", help="list what a folder of runs holds")
    held.add_argument(
        "folder",
        nargs="?",
        type=_path,
        default=Path("runs"),
        metavar="FOLDER",
        help="a folder with run folders in it (default: runs)",
    )
    held.set_defaults(command="_runs.list_runs")
    _add_folders(
        commands, "tensorboard", "write TensorBoard events of runs", "_report.write_events"
    )
    _add_folders(
        commands, "verify", "tell whether run folders hold what was written", "_verify.verify"
    )
    listing = commands.add_parser("list", help="list what a config can name")
    listing.add_argument("kind", nargs="?", metavar="KIND", help="optimizers, transforms, ...")
    listing.set_defaults(command="_catalogue.show_names")
    _add_data(commands)
    explain = commands.add_parser("explain", help="show signature, formula and source of a name")
    explain.add_argument("name", metavar="NAME", help="for instance adam, or optax.lamb")
    explain.set_defaults(command="_catalogue.show_explanation")
    _add_use(commands)
    example = commands.add_parser("example", help="print a config that comes with the package")
    example.add_argument(
        "name", nargs="?", metavar="NAME", help="for instance digits/train_adam (default: list all)"
    )
    example.set_defaults(command="_examples.show_example")
    return parser


def _add_sweep(commands):
    parser = _add_config(commands, "sweep", "make the runs of a sweep that are not there yet")
    parser.add_argument(
        "--out",
        type=_path,
        default=Path("runs"),
        metavar="DIR",
        help="the folder of all runs, each in a folder of its own (default: runs)",
    )
    _add_executor(parser)
    parser.set_defaults(command="_sweep.sweep")


def _add_executor(parser):
    parser.add_argument(
        "--executor",
        choices=("in-process", "subprocess", "ray"),
        default="in-process",
        help="what makes the runs: this process, one for each run, or a Ray cluster "
        "(default: in-process)",
    )
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="processes at a time (default: 2)"
    )


def _add_config(commands, name, summary):
    parser = commands.add_parser(name, help=summary, description=summary)
    count = "?" if name == "train" else None
    parser.add_argument("config", type=_path, nargs=count, metavar="CONFIG", help="a YAML file")
    return _add_set(parser, "optimizer.learning_rate=1e-2")


def _add_run(commands, name, summary, command):
    parser = _add_config(commands, name, summary)
    parser.add_argument(
        "--out", type=_path, metavar="DIR", help="the folder of its results (default: below runs/)"
    )
    parser.set_defaults(command=command)
    return parser


def _add_data(commands):
    summary = "list, check and fetch data sets"
    data = commands.add_parser("data", help=summary, description=summary)
    actions = data.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list what is known, and where it is found")
    listing.set_defaults(command="_data.list_data")
    check = actions.add_parser("check", help="load a set, check every pixel, show what it holds")
    check.add_argument(
        "source", metavar="NAME-or-CONFIG", help="for instance mnist, or a YAML file"
    )
    _add_set(check, "data.path=~/data")
    check.set_defaults(command="_data.check_data")
    fetch = actions.add_parser("fetch", help="download a set and verify it")
    fetch.add_argument("name", metavar="NAME", help="mnist or fashion_mnist")
    fetch.add_argument(
        "--to",
        type=_path,
        metavar="DIR",
        help="where to make the set's folder (default: where AE_OPTAX_DATA points, or data/)",
    )
    fetch.set_defaults(command="_data.fetch_data")


def _add_use(commands):
    """Add what a trained model is used for."""

    def add(name, summary, out):
        parser = commands.add_parser(name, help=summary, description=summary)
        parser.add_argument("run", type=_path, metavar="RUN", help="the folder of a training run")
        parser.add_argument("--out", type=_path, required=True, metavar="OUT", help=out)
        parser.add_argument(
            "--own-code",
            action="store_true",
            help="run the code of one's own that the run's config names, a copy of which it holds",
        )
        parser.set_defaults(command=f"_use.{name}")
        return parser

    pictures = "a new file: .png, one image beside the other, or .npz"
    _add_input(add("encode", "write the codes of images", "a new file: .npz, .csv or .parquet"))
    summary = "write what a model makes of images, and the error of each"
    _add_input(add("reconstruct", summary, "a new or empty folder"))
    drawing = add("sample", "write what draws of a variational model decode to", pictures)
    drawing.add_argument("-n", type=int, default=16, metavar="N", help="how many (default: 16)")
    drawing.add_argument("--seed", type=int, default=0, metavar="SEED", help="(default: 0)")
    walking = add("interpolate", "write what lies between two images", pictures)
    _add_input(walking)
    walking.add_argument("--first", type=int, default=0, metavar="I", help="from 0 (default: 0)")
    walking.add_argument("--last", type=int, default=1, metavar="I", help="(default: 1)")
    walking.add_argument("--steps", type=int, default=10, metavar="N", help="(default: 10)")
    weights = "weights as .safetensors, or a program in StableHLO as .mlir or .jax"
    add("export", "write a trained model for other software", weights).add_argument(
        "--function",
        choices=("encode", "decode", "reconstruct"),
        default="reconstruct",
        help="what a program computes (default: reconstruct)",
    )


def _add_input(parser):
    parser.add_argument(
        "input",
        metavar="INPUT",
        help="a folder of images, an image, npy or npz file, a config or the name of a set",
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="test",
        help="of a data set, what to take (default: test)",
    )
    _add_set(parser, "data.path=~/data")


def _add_set(parser, example):
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="overrides",
        help=f"replace a value of the config, e.g. {example}; repeatable",
    )
    return parser


def _add_folders(commands, name, summary, command):
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.add_argument("runs", type=_path, nargs="+", metavar="RUN", help="a run folder")
    parser.set_defaults(command=command)
    return parser


def _path(text):
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"there is no such home folder: {text}") from error
