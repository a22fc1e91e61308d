"""The data of a config, or of a name, and nothing else."""

import os
from collections.abc import Iterable
from pathlib import Path

from ae_optax.lab.config._bind import Binder
from ae_optax.lab.config._call import Call
from ae_optax.lab.config._load import read_file
from ae_optax.lab.config._namespaces import kinds
from ae_optax.lab.config._overrides import override
from ae_optax.lab.config._problems import Problems, Where
from ae_optax.lab.config._types import Accepts
from ae_optax.lab.config._yaml import Entry, Scalar, Table


def load_data(source: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Call:
    """Read the section ``data`` of a config, or make one of the name of a data set.

    Args:
        source: The name of a function in ``ae_optax.lab.data``, or a YAML file, of a run or a
            comparison.
        overrides: Changes such as ``data.path=~/data``.

    Returns:
        What makes the data set: ``load_data(source).build()``.

    Raises:
        ConfigError: If the section is missing or wrong; one line for each problem.
    """
    problems, known = Problems(), kinds()
    text = str(source)
    if text in known["data"].functions or (text.isidentifier() and not Path(text).exists()):
        # Bound like a config, so that a misspelt name is told as it would be there.
        where = Where(text)
        name = Entry(where, Scalar(where, text, text))
        root = Table(where, {"data": Entry(where, Table(where, {"name": name}))})
    else:
        root = read_file(source, problems)
    override(root, overrides, problems)
    if "data" not in root.entries:
        problems.add(root.where, "data", "the section 'data' is missing.")
        problems.raise_all()
    node = root.entries["data"].node
    call = Binder(known, problems).value(node, Accepts(kinds=("data",)), "data")
    problems.raise_if_any()
    return call
