"""``ae-optax data``: what data there is, whether it is good, and a way to get it."""

import argparse
import inspect

import numpy as np

from ae_optax.lab import data
from ae_optax.lab.cli._exit import FAILED, OK, UsageError
from ae_optax.lab.cli._plain_text import first_sentence
from ae_optax.lab.cli._terminal import say
from ae_optax.lab.config import ConfigError, catalogue, kinds, takes_function
from ae_optax.lab.data import DataError, Dataset, Rows, check_dataset
from ae_optax.lab.plans import load_data

SPLITS = ("train", "validation", "test")


def list_data(_arguments: argparse.Namespace) -> int:
    """Print every data set that a config can name, and where it is found."""
    functions = {n: f for n, f in catalogue()["data"].items() if not takes_function(f, kinds())}
    width = max(map(len, functions))
    missing = []
    for name, function in functions.items():
        say(f"{name:<{width}}  {first_sentence(inspect.getdoc(function) or '')}")
        try:
            say(f"{'':<{width}}  found: {data.locate(name)}")
        except DataError as error:
            say(f"{'':<{width}}  not found")
            missing.append(str(error))
        except ValueError:
            pass  # It has no place of its own.
    for reason in missing:
        say(f"\n{reason}")
    if missing:
        say("\nWith a network, `ae-optax data fetch NAME` downloads what is not found.")
    return OK


def check_data(arguments: argparse.Namespace) -> int:
    """Load a data set as a config says, check every pixel of it, and print what it holds."""
    try:
        loaded: Dataset = load_data(arguments.source, arguments.overrides).build()
        check_dataset(loaded)
    except (ConfigError, DataError) as error:
        raise UsageError(str(error)) from error
    say(*_report(loaded))
    return OK


def fetch_data(arguments: argparse.Namespace) -> int:
    """Download a data set; return the exit code."""
    try:
        place = data.fetch(arguments.name, folder=arguments.to)
    except DataError as error:
        say(str(error), error=True)
        return FAILED
    except ValueError as error:
        raise UsageError(str(error)) from error
    say(f"{arguments.name}: intact in {place}")
    return OK


def _report(loaded: Dataset):
    shape = "×".join(map(str, loaded.shape))
    counts = ", ".join(f"{count} {split}" for split, count in loaded.sizes.items())
    yield f"{loaded.name}: {counts}, {shape}"
    what = "numbers" if len(loaded.shape) == 1 else "pixels"
    for split in SPLITS:
        whole = getattr(loaded.stored, split)
        values = loaded.values(whole.sample() if isinstance(whole, Rows) else whole)
        if len(values):
            mean, deviation = (f(values, dtype=np.float64) for f in (np.mean, np.std))
            yield (
                f"{split}: {what} from {values.min():.4g} to {values.max():.4g}, "
                f"mean {mean:.4f}, standard deviation {deviation:.4f}"
            )
    if isinstance(loaded.stored.train, Rows):
        looked_at = min(data.SAMPLE, len(loaded.stored.train))
        yield f"train: {looked_at} were looked at, which are read in use"
        seen = set()
    else:
        seen = set(_contents(loaded.stored.train))
    for split in SPLITS[1:]:
        known = sum(content in seen for content in _contents(getattr(loaded.stored, split)))
        if known:
            yield f"warning: {known} of the {split} images are among the training images too"
    if loaded.labels is not None:
        yield f"labels: {', '.join(loaded.labels.classes)}"
    if loaded.scaling.by not in ("none", "pixels"):
        yield f"standardized by {loaded.scaling.by}"
    yield f"source: {loaded.source}"
    if loaded.passed_over:
        yield f"passed over: {loaded.passed_over}"
    yield f"fingerprint: {loaded.fingerprint}"
    if loaded.attribution:
        yield f"attribution: {loaded.attribution}"


def _contents(images):
    """Yield every image as bytes, but those of one value: crops of a white sky are all alike."""
    return (image.tobytes() for image in images if image.min() < image.max())
