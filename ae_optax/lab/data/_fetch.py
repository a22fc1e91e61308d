"""Explicit download of sets that are not there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ae_optax._checks import check_one_of
from ae_optax.lab.data._dataset import DataError
from ae_optax.lab.data._idx import read_images
from ae_optax.lab.data._mnist import PARTS, RECIPES, Recipe, verify
from ae_optax.lab.data._optional import optional
from ae_optax.lab.data._places import ROOTS, TEST, TRAIN, VARIABLE

SECONDS = 60  # Without a byte, until a mirror is given up.

Download: TypeAlias = Callable[[str, Path], None]
"""Writes what is at an address into a file; raises whatever it likes."""


def fetch(name: str, *, folder: str | Path | None = None) -> Path:
    """Download a set, verified, to where its function finds it; nothing else here downloads.

    Every mirror is tried in turn. What arrives is decompressed and compared with the known
    checksum before it gets its name, so a broken download leaves nothing behind. Files that are
    there and intact are not fetched again.

    Args:
        name: ``"mnist"`` or ``"fashion_mnist"``.
        folder: Where to make the set's folder: ``None`` for the one that the variable
            ``AE_OPTAX_DATA`` names, or else ``./data``.

    Returns:
        The set's folder.

    Raises:
        ValueError: If there is no such set to fetch.
        DataError: If no mirror gave the right file (the message says what each gave), if the
            folder cannot be written, or if pooch is not installed.
    """
    check_one_of("name", name, RECIPES)
    pooch = optional("pooch", package="pooch", purpose="fetching data")

    def download(address, file):
        pooch.HTTPDownloader(timeout=SECONDS)(address, str(file), None)

    return fetch_recipe(RECIPES[name], folder=folder, download=download)


def fetch_recipe(recipe: Recipe, *, folder: str | Path | None, download: Download) -> Path:
    """Do as :func:`fetch` does, by means of ``download``."""
    root = Path(folder or os.environ.get(VARIABLE) or ROOTS[0]).expanduser()
    place = root / recipe.layouts[0]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{place}: cannot be made: {error.strerror}.") from error
    for stem, checksum, part in zip((TRAIN, TEST), recipe.checksums, PARTS, strict=True):
        wanted = f"{recipe.title}'s {part} images"
        file = place / f"{stem}.gz"
        if not _is_right(file, checksum, wanted):
            _fetch_file(recipe, file, checksum, wanted, download)
    return place


def _fetch_file(recipe, file, checksum, wanted, download):
    part = file.with_name(f".{os.getpid()}-{file.name}")
    failures = []
    try:
        for mirror in recipe.mirrors:
            address = f"{mirror}/{file.name}"
            try:
                download(address, part)
                verify(read_images(part), checksum, wanted=wanted, where=address)
            except Exception as error:
                reason = " ".join(str(error).split()).removeprefix(f"{address}: ").rstrip(".")
                failures.append(f"{address}: {reason.replace(str(part), 'what came')}")
                continue
            part.replace(file)
            return
    finally:
        part.unlink(missing_ok=True)
    tried = "; ".join(failures)
    raise DataError(
        f"{file}: {wanted} could not be fetched. Tried {tried}. Put a copy of the file there "
        "yourself, or try again later."
    )


def _is_right(file, checksum, wanted):
    try:
        verify(read_images(file), checksum, wanted=wanted, where=str(file))
    except DataError:
        return False
    return True
