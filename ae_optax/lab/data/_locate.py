"""Where the sets that have a name lie."""

from pathlib import Path

from ae_optax._checks import check_one_of
from ae_optax.lab.data._digits import FILE
from ae_optax.lab.data._mnist import RECIPES
from ae_optax.lab.data._places import find


def locate(name: str) -> Path:
    """Return the folder or file where a set is found, without reading it.

    Args:
        name: ``"digits"``, ``"mnist"`` or ``"fashion_mnist"``.

    Raises:
        ValueError: If there is no such set.
        DataError: If it is not found, with every path looked at.
    """
    if name == "digits":
        return FILE
    check_one_of("name", name, ("digits", *RECIPES))
    recipe = RECIPES[name]
    return find(recipe.title, recipe.layouts, None)
