"""Problems of few coordinates, on which every step of an optimizer can be seen."""

from ae_optax.lab.landscapes._descend import Descent, descend, follow
from ae_optax.lab.landscapes._paths import paths_by_rate
from ae_optax.lab.landscapes._regression import regression
from ae_optax.lab.landscapes._sparse import sparse_signs
from ae_optax.lab.landscapes._updates_of import updates_of
from ae_optax.lab.landscapes._valley import descent_in_valley, valley

__all__ = [
    "Descent",
    "descend",
    "descent_in_valley",
    "follow",
    "paths_by_rate",
    "regression",
    "sparse_signs",
    "updates_of",
    "valley",
]
