"""The key ``sweep.search``: trials chosen one by one, each by what came out of those before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ae_optax._checks import check_at_least
from ae_optax.lab.config._axis import Axis

if TYPE_CHECKING:
    from ae_optax.lab.config._schema import Trial


@dataclass(frozen=True)
class SearchSection:
    """What chooses the trials, instead of draws that know nothing of each other.

    Attributes:
        name: The package that does: Optuna, an extra.
        sampler: ``"tpe"``: a tree of Parzen estimators; ``"random"``: draws at random; ``"gp"``:
            a Gaussian process, which needs PyTorch too.
        seed: Decides the choices, beside what came out; in [0, 2³²).
    """

    name: Literal["optuna"]
    sampler: Literal["tpe", "random", "gp"] = "tpe"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_at_least("seed", self.seed, 0)
        if self.seed >= 2**32:
            raise ValueError(f"`seed` must be less than 2**32, got {self.seed!r}.")


@dataclass(frozen=True)
class Search:
    """A space of trials, and how it is to be searched.

    Attributes:
        section: What chooses.
        count: How many choices it has.
        axes: What varies, in the order of a point's coordinates.
        make: Returns the trial at a point: the number of a range, the index into a list or grid.
            It raises a ``ConfigError`` where values of different axes do not go together.
    """

    section: SearchSection
    count: int
    axes: tuple[Axis, ...]
    make: "Callable[[Sequence[float]], Trial]"
