"""NumPy's own files, with images or vectors in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ae_optax.lab.data._arrays import assemble, to_stored
from ae_optax.lab.data._dataset import SPLITS, Dataset
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._npz import npz_names, read_npy, read_npz
from ae_optax.lab.data._places import find_path
from ae_optax.lab.data._scaling import Standardization

LABELS = {f"{split}_labels": split for split in SPLITS}


def arrays(
    path: str | Path,
    *,
    keys: Mapping[str, str] | None = None,
    validation: int | float = 0.1,
    test: int | float = 0.1,
    black: float = 0.0,
    white: float | None = None,
    standardize: Standardization | None = None,
    seed: int = 0,
    attribution: str = "",
) -> Dataset:
    """Load images or vectors from a file of NumPy's, ``.npy`` or ``.npz``.

    An npz file may hold the splits, as arrays named ``train``, ``validation`` and ``test``, or as
    ``keys`` says. What it does not hold is taken from the training images, in random order: the
    last ones for testing, those before for validation. Labels may lie beside them, one for each
    image, as ``train_labels`` (or ``labels``), ``validation_labels`` and ``test_labels``.

    Args:
        path: The file. A relative one is looked for below the working folder and then below the
            folder that the variable ``AE_OPTAX_DATA`` names and the other places of :func:`mnist`.
        keys: Which array is which, ``{train: x_train, test: x_test, train_labels: y_train}`` for
            instance; ``None`` for the names above, or for the only array that there is.
        validation: How many images for validation, if the file has none of their own: an integer,
            or a share in [0, 1).
        test: How many to test on, likewise.
        black: Of images, what becomes 0: -1 for pixels in [-1, 1].
        white: Of images, what becomes 1, above ``black``; ``None`` is 1 for floats and booleans,
            255 for unsigned bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        standardize: Give vectors mean 0 and deviation 1, those of the training vectors: of each
            feature (``"features"``), or by one number for all (``"whole"``), so that distances keep
            their proportions. ``scaling`` of the data set undoes it. ``None``: as they are.
        seed: Of the random order, at least 0.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set: images (n, height, width), or (n, height, width, channels) if the arrays are,
        or vectors (n, d).

    Raises:
        TypeError: If ``validation`` or ``test``, ``black`` or ``white`` is no number or ``seed`` no
            integer.
        ValueError: If one of them is out of range, ``keys`` names something else than splits and
            their labels, ``black`` or ``white`` is given for vectors or ``standardize`` for images.
        DataError: If the file is missing, damaged or holds neither, if labels are not one for each
            image, or if none is left for training or testing.
    """
    file = find_path(path)
    held = _read(file, keys)
    labels = {LABELS[key]: array for key, (_, array) in held.items() if key in LABELS}
    parts = {
        key: to_stored(array, black=black, white=white, copy=False, name=where)
        for key, (where, array) in held.items()
        if key not in LABELS
    }
    amounts = {"validation": validation, "test": test}
    shares = {split: amount for split, amount in amounts.items() if split not in parts}
    about: Any = {"name": "arrays", "source": str(file), "attribution": attribution}
    return assemble(parts, shares, labels, standardize=standardize, seed=seed, **about)


def by_name(held: Sequence[str]) -> dict[str, str]:
    """Return which of the arrays in a file is which, as their names tell.

    Args:
        held: Their names.

    Returns:
        Names by ``train``, ``validation``, ``test``, ``train_labels`` and so on, as far as there
        are such. An array that is alone, or with labels only, is ``train``.
    """
    labels = {key: key for key in LABELS if key in held}
    labels |= {"train_labels": "labels"} if "labels" in held else {}
    others = [name for name in held if name not in (*LABELS, "labels")]
    splits = {split: split for split in SPLITS if split in others}
    return ({"train": others[0]} if len(others) == 1 else splits) | labels


def _read(file, keys) -> dict[str, tuple[str, Any]]:
    """Return the arrays by split, and labels by what they are called, each with its place."""
    if keys is not None and ("train" not in keys or not set(keys) <= {*SPLITS, *LABELS}):
        raise ValueError(
            "`keys` must name an array for train and may for validation and test, and labels as "
            f"train_labels and so on, got {keys!r}."
        )
    if file.suffix == ".npy":
        if keys is not None:
            raise ValueError(f"`keys` must be left out for an npy file, got {keys!r}.")
        return {"train": (str(file), read_npy(file))}
    if file.suffix != ".npz":
        raise DataError(f"{file}: must be an npy or npz file.")
    held = npz_names(file)
    if keys is None:
        keys = by_name(held)
    missing = [name for name in keys.values() if name not in held]
    if "train" not in keys or missing:
        wanted = ", ".join(map(repr, missing)) or "'train'"
        raise DataError(
            f"{file}: must hold an array {wanted}, got {', '.join(map(repr, held)) or 'none'}. "
            "Tell by `keys` which array is which split."
        )
    found = zip(keys.items(), read_npz(file, *keys.values()), strict=True)
    return {key: (f"{file}[{name}]", array) for (key, name), array in found}
