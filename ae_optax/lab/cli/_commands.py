"""What each command does with its arguments; what it needs is loaded only then."""

import argparse

from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._place import find_place


def train(arguments: argparse.Namespace) -> int:
    """Train, or take up a run."""
    from ae_optax.lab.cli import _train
    from ae_optax.lab.cli._compilation_cache import use_compilation_cache
    from ae_optax.lab.cli._processes import together

    use_compilation_cache()
    place = find_place(arguments.coordinator, arguments.processes, arguments.process)

    config, out = arguments.config, arguments.out
    if (config is None) == (arguments.resume is None):
        raise UsageError("ae-optax train: give either CONFIG or --resume RUN.")
    if arguments.resume is not None:
        if arguments.overrides or out:
            raise UsageError("ae-optax train: --resume takes a run as it is: no --set, no --out.")
        config, out = arguments.resume / "config.yaml", arguments.resume
    with together(place, arguments.heartbeat):
        return _train.train(config, arguments.overrides, out)


def compare(arguments: argparse.Namespace) -> int:
    """Compare optimizers."""
    from ae_optax.lab.cli import _compare
    from ae_optax.lab.cli._compilation_cache import use_compilation_cache

    use_compilation_cache()
    return _compare.compare(
        arguments.config, arguments.overrides, arguments.out, arguments.executor, arguments.jobs
    )


def sweep(arguments: argparse.Namespace) -> int:
    """Make the runs of a sweep."""
    from ae_optax.lab.cli import _sweep
    from ae_optax.lab.cli._compilation_cache import use_compilation_cache

    use_compilation_cache()
    return _sweep.sweep(
        arguments.config, arguments.overrides, arguments.out, arguments.executor, arguments.jobs
    )


def report(arguments: argparse.Namespace) -> int:
    """Rebuild reports."""
    from ae_optax.lab.cli._report import report_on

    return report_on(arguments.runs, arguments.out)


def events(arguments: argparse.Namespace) -> int:
    """Write TensorBoard events."""
    from ae_optax.lab.cli._report import events

    return events(arguments.runs)


def list_names(arguments: argparse.Namespace) -> int:
    """List what a config can name."""
    from ae_optax.lab.cli import _catalogue

    return _print(_catalogue.list_names, arguments.kind)


def explain(arguments: argparse.Namespace) -> int:
    """Explain one name."""
    from ae_optax.lab.cli import _catalogue

    return _print(_catalogue.explain, arguments.name)


def list_data(_arguments: argparse.Namespace) -> int:
    """List data sets."""
    from ae_optax.lab.cli import _data

    return _data.list_data()


def check_data(arguments: argparse.Namespace) -> int:
    """Check a data set."""
    from ae_optax.lab.cli import _data

    return _data.check_data(arguments.source, arguments.overrides)


def fetch_data(arguments: argparse.Namespace) -> int:
    """Download a data set."""
    from ae_optax.lab.cli import _data

    return _data.fetch_data(arguments.name, arguments.to)


def _print(make, argument):
    try:
        print(make(argument))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return OK
