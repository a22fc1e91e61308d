"""``ae-optax example``: the configs that come with the package."""

import argparse
from pathlib import Path

from ae_optax import lab
from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._terminal import say
from ae_optax.lab.config import did_you_mean
from ae_optax.lab.plans import description

LABORATORY = Path(lab.__file__).parent
PLACES = (LABORATORY / "examples", LABORATORY.parents[1] / "configs")
"""Where they are: in an installed package, in a source tree."""


def show_example(arguments: argparse.Namespace) -> int:
    """Print an example as it is, or list all with the questions that they answer."""
    examples = find_examples()
    name = arguments.name and arguments.name.removesuffix(".yaml")
    if name is None:
        width = max(map(len, examples))
        for known, path in examples.items():
            question = description(path).partition("\n")[0].removeprefix("Question: ")
            say(f"{known:<{width}}  {question}")
    elif name not in examples:
        hint = did_you_mean(name, examples)
        raise UsageError(f"unknown example {name!r}.{hint} `ae-optax example` lists all.")
    else:
        say(examples[name].read_text(encoding="utf-8").rstrip("\n"))
    return OK


def find_examples() -> dict[str, Path]:
    """Return the files of all examples by name, such as ``digits/train_adam``."""
    folder = next(place for place in PLACES if place.is_dir())
    files = sorted(folder.glob("*/*.yaml"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}
