"""The language of configs: YAML resolved against the signatures of the functions it names."""

from ae_optax.lab.config._bind import Binder
from ae_optax.lab.config._call import FAILED, Call, calls, describe, plain
from ae_optax.lab.config._names import did_you_mean, match, nearest
from ae_optax.lab.config._namespaces import PREFIX, catalogue, kinds, takes_function
from ae_optax.lab.config._nodes import (
    Entry,
    Items,
    Node,
    Number,
    Scalar,
    Table,
    anything,
    child,
    shown,
)
from ae_optax.lab.config._own import Code, OwnCode
from ae_optax.lab.config._paths import override, put, split
from ae_optax.lab.config._problems import ConfigError, Problem, Problems, Where
from ae_optax.lab.config._python import Program, from_python
from ae_optax.lab.config._types import Accepts, Kind, Of, accepts, annotations
from ae_optax.lab.config._yaml import dump, parse, read_text

__all__ = [
    "FAILED",
    "PREFIX",
    "Accepts",
    "Binder",
    "Call",
    "Code",
    "ConfigError",
    "Entry",
    "Items",
    "Kind",
    "Node",
    "Number",
    "Of",
    "OwnCode",
    "Problem",
    "Problems",
    "Program",
    "Scalar",
    "Table",
    "Where",
    "accepts",
    "annotations",
    "anything",
    "calls",
    "catalogue",
    "child",
    "describe",
    "did_you_mean",
    "dump",
    "from_python",
    "kinds",
    "match",
    "nearest",
    "override",
    "parse",
    "plain",
    "put",
    "read_text",
    "shown",
    "split",
    "takes_function",
]
