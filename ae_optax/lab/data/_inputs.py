"""Images or vectors to be looked at by a model that is trained: all of them, in order."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._image_files import SUFFIXES, read_pixels
from ae_optax.lab.data._npz import npz_names, read_npy, read_npz
from ae_optax.lab.data._places import find_path
from ae_optax.lab.data._walk import Walk


class Inputs(NamedTuple):
    """What a file or a folder holds, unsplit.

    Attributes:
        names: Of the images: the path below the folder, or the place in the file.
        values: The numbers as they lie there, shape (n, ...); what a ``TrainedModel`` takes.
    """

    names: Sequence[str]
    values: np.ndarray


def read_inputs(path: str | Path, *, grey: bool = True) -> Inputs:
    """Read all images of a folder or an image file, or all of an npy or npz file, in order.

    Args:
        path: Where they are, found as :func:`arrays` finds its file. Of several arrays in an npz
            file the splits are taken: ``train``, ``validation`` and ``test``, in this order.
        grey: Of image files, one channel; else three.

    Raises:
        DataError: If nothing is there, it cannot be read, or images differ in size.
    """
    place = find_path(path)
    if place.suffix in (".npy", ".npz"):
        return _of_arrays(place)
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


def _of_arrays(file):
    if file.suffix == ".npy":
        values = read_npy(file)
        return Inputs([f"{file.name}[{i}]" for i in range(len(values))], values)
    held = npz_names(file)
    taken = [name for name in ("train", "validation", "test") if name in held] or held
    if len(taken) != 1 and taken is held:
        raise DataError(
            f"{file}: must hold one array, or some of train, validation and test, got "
            f"{', '.join(map(repr, held)) or 'none'}."
        )
    parts = read_npz(file, *taken)
    if len({part.shape[1:] for part in parts}) > 1:
        found = ", ".join(f"{n} {p.shape}" for n, p in zip(taken, parts, strict=True))
        raise DataError(f"{file}: arrays must hold what is of one size, got {found}.")
    names = [f"{n}[{i}]" for n, part in zip(taken, parts, strict=True) for i in range(len(part))]
    return Inputs(names, np.concatenate(parts))
