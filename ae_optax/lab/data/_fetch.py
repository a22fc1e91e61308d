"""Explicit download of sets that are not there."""

import contextlib
import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ae_optax._checks import check_one_of
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._idx import LARGEST, WHAT, read_idx
from ae_optax.lab.data._mnist import PARTS, RECIPES, Recipe, verify
from ae_optax.lab.data._places import (
    ROOTS,
    TEST,
    TEST_LABELS,
    TRAIN,
    TRAIN_LABELS,
    VARIABLE,
    expanded,
)

SILENCE = 60  # Seconds without a byte, until a mirror is given up.
LONGEST = 1200  # Seconds until it is given up however steadily it sends.
CHUNK = 1 << 16

Download: TypeAlias = Callable[[str, Path], None]
"""Writes what is at an address into a file; raises whatever it likes."""


def fetch(name: str, *, folder: str | Path | None = None) -> Path:
    """Download a set, verified, to where its function finds it; nothing else here downloads.

    Every mirror is tried in turn. What arrives is decompressed and compared with the known
    checksum before it gets its name, so a broken download leaves nothing behind, and what a killed
    one has left is removed by the next. A mirror that is silent for a minute, takes more than
    twenty, or sends more than there can be is given up. Files that are there and intact are not
    fetched again.

    Args:
        name: ``"mnist"`` or ``"fashion_mnist"``.
        folder: Where to make the set's folder: ``None`` for the one that the variable
            ``AE_OPTAX_DATA`` names, or else ``./data``.

    Returns:
        The set's folder.

    Raises:
        ValueError: If there is no such set to fetch.
        DataError: If no mirror gave the right file (the message says what each gave) or if the
            folder cannot be written.
    """
    check_one_of("name", name, RECIPES)
    return fetch_recipe(RECIPES[name], folder=folder, download=download)


def fetch_recipe(recipe: Recipe, *, folder: str | Path | None, download: Download) -> Path:
    """Do as :func:`fetch` does, by means of ``download``."""
    root = expanded(folder or os.environ.get(VARIABLE) or ROOTS[0])
    place = root / recipe.layouts[0]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{place}: cannot be made: {error.strerror}.") from error
    _remove_leftovers(place)
    for rank, stems, checksums in (
        (3, (TRAIN, TEST), recipe.checksums),
        (1, (TRAIN_LABELS, TEST_LABELS), recipe.label_checksums),
    ):
        for stem, checksum, part in zip(stems, checksums, PARTS, strict=True):
            wanted = f"{recipe.title}'s {part} {WHAT[rank]}"
            file = place / f"{stem}.gz"

            def check(file, where, rank=rank, checksum=checksum, wanted=wanted):
                verify(read_idx(file, rank), checksum, wanted=wanted, where=where)

            if not _is_right(file, check):
                _fetch_file(recipe, file, check, wanted, download)
    return place


def download(address: str, file: Path) -> None:
    """Write what is at an address into a file, within the bounds of time and size."""
    ends = time.monotonic() + LONGEST
    request = urllib.request.Request(address, headers={"User-Agent": "ae_optax"})
    with urllib.request.urlopen(request, timeout=SILENCE) as answer, file.open("wb") as stream:
        size = 0
        while chunk := answer.read1(CHUNK):
            size += len(chunk)
            if size > LARGEST:
                raise DataError(f"sent more than {LARGEST} bytes")
            if time.monotonic() > ends:
                raise DataError(f"took more than {LONGEST} seconds")
            stream.write(chunk)


def _remove_leftovers(place):
    """Remove the parts that a killed download left: those of no download that may still run."""
    for part in place.glob(".[0-9]*-*.gz"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > 2 * LONGEST:
                part.unlink()


def _fetch_file(recipe, file, check, wanted, download):
    part = file.with_name(f".{os.getpid()}-{file.name}")
    failures = []
    try:
        for mirror in recipe.mirrors:
            address = f"{mirror}/{file.name}"
            try:
                download(address, part)
                check(part, address)
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


def _is_right(file, check):
    try:
        check(file, str(file))
    except DataError:
        return False
    return True
