"""Images or vectors to be looked at by a model that is trained: all of them, in order."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab.data._array_files import by_name
from ae_optax.lab.data._arrays import as_values
from ae_optax.lab.data._dataset import SPLITS
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._image_files import SUFFIXES, read_pixels
from ae_optax.lab.data._npz import npz_names, read_npy, read_npz
from ae_optax.lab.data._places import find_path
from ae_optax.lab.data._walk import Walk


class Inputs(NamedTuple):
    """What a file or a folder holds, unsplit.

    Attributes:
        names: Of the images: the path below the folder, or the place in the file.
        values: What a ``TrainedModel`` takes, shape (n, ...): vectors as they lie there, pixels as
            bytes or in [0, 1].
    """

    names: Sequence[str]
    values: np.ndarray


def read_inputs(
    path: str | Path, *, grey: bool = True, black: float = 0.0, white: float | None = None
) -> Inputs:
    """Read all images of a folder or an image file, or all of an npy or npz file, in order.

    Args:
        path: Where they are, found as :func:`arrays` finds its file. Of several arrays in an npz
            file the splits are taken: ``train``, ``validation`` and ``test``, in this order.
        grey: Of image files, one channel; else three.
        black: Of arrays of images, what becomes 0; as for :func:`arrays`.
        white: Of these, what becomes 1, likewise.

    Raises:
        TypeError: If ``black`` or ``white`` is no number.
        ValueError: If they are out of range.
        DataError: If nothing is there, it cannot be read, images differ in size, or pixels lie
            outside [``black``, ``white``].
    """
    place = find_path(path)
    if place.suffix in (".npy", ".npz"):
        return _of_arrays(place, {"black": black, "white": white})
    walk = Walk(SUFFIXES)
    files = walk.files(place) if place.is_dir() else [place]
    if not files:
        passed = walk.passed_over()
        instead = f", only what is passed over: {passed}" if passed else ""
        raise DataError(f"{place}: holds no images ({', '.join(SUFFIXES)}){instead}.")
    images = [read_pixels(file, grey=grey) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            found, first = ("×".join(map(str, i.shape[:2])) for i in (image, images[0]))
            raise DataError(f"{file}: is {found}, but {files[0]} is {first}.")
    base = place if place.is_dir() else place.parent
    names = [file.relative_to(base).as_posix() for file in files]
    return Inputs(names, np.stack(images))


def _of_arrays(file, pixels):
    arrays = {file.name: read_npy(file)} if file.suffix == ".npy" else _taken(file)
    if len({array.shape[1:] for array in arrays.values()}) > 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"{file}: arrays must hold what is of one size, got {found}.")
    values = [
        as_values(array, **({} if array.ndim == 2 else pixels), name=str(file))
        for array in arrays.values()
    ]
    names = [f"{name}[{i}]" for name, array in arrays.items() for i in range(len(array))]
    return Inputs(names, np.concatenate(values))


def _taken(file):
    """Return the arrays of an npz file that hold splits, by name."""
    held = npz_names(file)
    found = by_name(held)
    taken = [found[split] for split in SPLITS if split in found]
    if not taken:
        raise DataError(
            f"{file}: must hold one array beside labels, or some of train, validation and test, "
            f"got {', '.join(map(repr, held)) or 'none'}."
        )
    return dict(zip(taken, read_npz(file, *taken), strict=True))
