"""NumPy's own files, with images in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ae_optax.lab.data._arrays import as_images, assemble
from ae_optax.lab.data._dataset import DataError, Dataset
from ae_optax.lab.data._npz import npz_names, read_npy, read_npz
from ae_optax.lab.data._places import find_path

SPLITS = ("train", "validation", "test")


def arrays(
    path: str | Path,
    *,
    keys: Mapping[str, str] | None = None,
    validation: int | float = 0.1,
    test: int | float = 0.1,
    white: float | None = None,
    seed: int = 0,
    attribution: str = "",
) -> Dataset:
    """Load images from a file of NumPy's, ``.npy`` or ``.npz``.

    An npz file may hold the splits, as arrays named ``train``, ``validation`` and ``test``, or as
    ``keys`` says. What it does not hold is taken from the training images, in random order: the
    last ones for testing, those before for validation.

    Args:
        path: The file. A relative one is looked for below the working folder and then below the
            folder that the variable ``AE_OPTAX_DATA`` names and the other places of :func:`mnist`.
        keys: Which array is which split, ``{train: x_train, test: x_test}`` for instance; ``None``
            for the names above, or for the only array that there is.
        validation: How many images for validation, if the file has none of their own: an integer,
            or a share in [0, 1).
        test: How many to test on, likewise.
        white: What becomes 1, positive; ``None`` is 1 for floats and booleans, 255 for unsigned
            bytes, 65535 for unsigned integers of 16 bits. Others must be told.
        seed: Of the random order, at least 0.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set: images (n, height, width), or (n, height, width, channels) if the arrays are.

    Raises:
        TypeError: If ``validation`` or ``test`` or ``white`` is no number or ``seed`` no integer.
        ValueError: If one of them is out of range, or ``keys`` names something else than splits.
        DataError: If the file is missing, damaged or holds no such images, or if none is left for
            training or testing.
    """
    file = find_path(path)
    images = {
        split: as_images(array, white=white, name=where)
        for split, (where, array) in _read(file, keys).items()
    }
    amounts = {"validation": validation, "test": test}
    shares = {split: amount for split, amount in amounts.items() if split not in images}
    return assemble(
        images, shares, seed=seed, name="arrays", source=str(file), attribution=attribution
    )


def _read(file, keys) -> dict[str, tuple[str, Any]]:
    """Return the arrays by split, each with what messages call it."""
    if keys is not None and ("train" not in keys or not set(keys) <= set(SPLITS)):
        raise ValueError(
            f"`keys` must name an array for train and may for validation and test, got {keys!r}."
        )
    if file.suffix == ".npy":
        if keys is not None:
            raise ValueError(f"`keys` must be left out for an npy file, got {keys!r}.")
        return {"train": (str(file), read_npy(file))}
    if file.suffix != ".npz":
        raise DataError(f"{file}: must be an npy or npz file.")
    held = npz_names(file)
    if keys is None:
        only = dict.fromkeys(["train"], held[0]) if len(held) == 1 else {}
        keys = {split: split for split in SPLITS if split in held} or only
    missing = [name for name in keys.values() if name not in held]
    if "train" not in keys or missing:
        wanted = ", ".join(map(repr, missing)) or "'train'"
        raise DataError(
            f"{file}: must hold an array {wanted}, got {', '.join(map(repr, held)) or 'none'}. "
            "Tell by `keys` which array is which split."
        )
    found = zip(keys.items(), read_npz(file, *keys.values()), strict=True)
    return {split: (f"{file}[{name}]", array) for (split, name), array in found}
