"""Which files a folder gives, and which it does not."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ae_optax.lab.data._errors import DataError

SYSTEM = (  # What systems and servers leave in folders: thumbnails, forks, what was thrown away.
    "#recycle",
    "$recycle.bin",
    "@eadir",
    "__macosx",
    "desktop.ini",
    "lost+found",
    "system volume information",
    "thumbs.db",
)
FEW = 5


class Walk:
    """Walks folders, takes every file once, and counts what it passes over.

    Passed over are hidden files and folders, those of the system, files of other kinds, pipes and
    devices, and what was there before: a link to a folder that was walked or that holds the set,
    a link to a file that was taken, or its twin. Only names below the folder that is walked count:
    its own path may have hidden folders in it.

    Args:
        suffixes: Of the files to take, in lower case.
    """

    def __init__(self, suffixes: Iterable[str]):
        self._suffixes = tuple(suffixes)
        self._passed: Counter[str] = Counter()
        self._seen: set[tuple[int, int]] = set()

    def files(self, folder: Path) -> list[Path]:
        """Return the files to take in a folder and below it, in the order of their paths.

        Raises:
            DataError: If a folder cannot be read.
        """
        try:
            found = self._found(folder)
        except OSError as error:  # A folder that may be listed and not entered.
            raise DataError(f"{error.filename}: cannot be read: {error.strerror}.") from error
        return sorted(found, key=lambda file: file.relative_to(folder).as_posix())

    def passed_over(self) -> str:
        """Return what was passed over in words, ``""`` for nothing."""
        counts = sorted(self._passed.items(), key=lambda item: (-item[1], item[0]))
        words = [f"{count} {kind}" for kind, count in counts[:FEW]]
        rest = sum(count for _, count in counts[FEW:])
        return ", ".join([*words, f"{rest} other"] if rest else words)

    def _found(self, folder) -> list[Path]:
        holders = {_identity(place) for place in folder.resolve().parents}
        found, own, links = [], [folder], []
        while own or links:
            path = own.pop() if own else links.pop(0)  # What lies here comes before links to it.
            identity = _identity(path)
            if identity and (identity in self._seen or identity in holders):
                self._passed["there before"] += 1
                continue
            if identity:
                self._seen.add(identity)
            if not path.is_dir():
                found.append(path)
                continue
            for child in reversed(children(path)):
                if kind := self._passed_kind(child):
                    self._passed[kind] += 1
                else:
                    (links if child.is_symlink() else own).append(child)
        return found

    def _passed_kind(self, path: Path) -> str | None:
        name = path.name.lower()
        if name in SYSTEM:
            return "of the system"
        if name.startswith("."):
            return "hidden"
        if path.is_dir():
            return None
        if not name.endswith(self._suffixes):
            return path.suffix.lower() or "without a suffix"
        # A link to nothing is taken, so that whoever reads it names it.
        return "pipe or device" if path.exists() and not path.is_file() else None


def children(folder: Path) -> list[Path]:
    """Return what lies in a folder, in order.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}.") from error


def _identity(path) -> tuple[int, int] | None:
    """Return what two names of one file have in common; ``None`` where there is no telling."""
    try:
        found = path.stat()
    except OSError:
        if path.is_symlink():  # To nothing, or to itself.
            return None
        raise
    return (found.st_dev, found.st_ino) if found.st_ino else None
