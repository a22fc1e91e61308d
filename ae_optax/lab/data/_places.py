"""Where people have their data."""

import contextlib
import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._walk import children

VARIABLE = "AE_OPTAX_DATA"
ROOTS = (
    "data",  # torchvision, in most programs
    "~/data",
    "~/.keras/datasets",
    "/usr/share/datasets",  # Debian
)
TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
TRAIN_LABELS, TEST_LABELS = "train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"


def find(title: str, layouts: Sequence[str], path: str | Path | None) -> Path:
    """Find the folder with a set's idx files, or the npz file with its arrays.

    Args:
        title: Name of the set, for the message.
        layouts: Places to look at below a root, in this order.
        path: The only root, or the npz file itself; ``None`` means the folder named by
            the variable ``AE_OPTAX_DATA``, if set, and then ``ROOTS``.

    Returns:
        The first place that holds at least a part of a set: a damaged copy is an error
        to be shown, not passed over.

    Raises:
        DataError: If there is none, with every path looked at.
    """
    looked_at = []
    for place in _candidates(layouts, path):
        if _is_file(place) if place.suffix == ".npz" else _holds_images(place):
            return place
        looked_at.append(place)
    raise DataError(
        f"{title} was not found: no {TRAIN}[.gz] in any of {', '.join(map(str, looked_at))}."
        f"{_nearest(looked_at)} Set data.path or {VARIABLE} to a folder that holds it."
    )


def find_path(path: str | Path) -> Path:
    """Find a file or folder of the user's.

    Args:
        path: If it is relative, it is looked for below the working folder, then below the folder
            named by the variable ``AE_OPTAX_DATA``, if set, and ``ROOTS``.

    Raises:
        DataError: If there is none, with every path looked at.
    """
    own = expanded(path)
    places = [own.absolute()] if own.is_absolute() else [own.absolute(), *_below_roots(own)]
    for place in dict.fromkeys(places):
        if _exists(place):
            return place
    raise DataError(
        f"{path} was not found: looked at {', '.join(map(str, dict.fromkeys(places)))}. "
        f"Set the path to where it is, or {VARIABLE} to a folder that holds it."
    )


def image_file(folder: Path, stem: str) -> Path:
    """Return the idx file ``stem`` in ``folder``, the uncompressed one first.

    Raises:
        DataError: If neither form is there.
    """
    for file in _forms(folder, stem):
        if _is_file(file):
            return file
    raise DataError(f"{folder / stem}: is missing, and so is {stem}.gz.{_nearest([folder], stem)}")


def labels_file(folder: Path, stem: str) -> Path | None:
    """Return the idx file ``stem`` in ``folder``, ``None`` if neither form is there."""
    return next(filter(_is_file, _forms(folder, stem)), None)


def expanded(path: str | Path) -> Path:
    """Return a path of the user's with the home folder in place of ``~``.

    Raises:
        TypeError: If it is no path.
        ValueError: If it is empty, which would be the working folder.
        DataError: If it begins with ``~`` and no home folder is known.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`path` must be the path of a file or folder, got {path!r}.")
    if not os.fspath(path):
        raise ValueError(f"`path` must be the path of a file or folder, got {path!r}.")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"{path}: there is no such home folder, set HOME or give a path."
        ) from error


def _candidates(layouts, path) -> Iterator[Path]:
    for root in dict.fromkeys(_roots(path)):
        if root.suffix == ".npz":
            yield root
        else:
            yield from (root / layout for layout in layouts)


def _below_roots(path):
    return (root / path for root in _roots(None))


def _roots(path) -> Iterator[Path]:
    if path is not None:
        yield expanded(path).resolve()
        return
    for name in filter(None, [os.environ.get(VARIABLE), *ROOTS]):
        with contextlib.suppress(DataError):  # Who has no home folder has no data there.
            yield expanded(name).resolve()


def _nearest(folders, stem=TRAIN):
    """Return a sentence that names a file which is called almost like ``stem``, or ``""``."""
    for folder in filter(_is_folder, folders):
        with contextlib.suppress(DataError):
            names = {child.name.removesuffix(".gz") for child in children(folder)} - {TRAIN, TEST}
            for close in difflib.get_close_matches(stem, sorted(names), n=1, cutoff=0.9):
                return f" {folder / close} is there: call it {stem}."
    return ""


def _holds_images(folder):
    return any(_is_file(file) for stem in (TRAIN, TEST) for file in _forms(folder, stem))


def _forms(folder, stem):
    return folder / stem, folder / f"{stem}.gz"


def _is_file(path):
    try:
        return path.is_file()
    except OSError:  # A folder that may not be entered holds nothing for us.
        return False


def _is_folder(path):
    try:
        return path.is_dir()
    except OSError:
        return False


def _exists(path):
    try:
        return path.exists()
    except OSError:
        return False
