"""What is in a checkpoint: every leaf's form and digest, and what belongs to the state."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.checkpoints._history import NONE, Prefix
from ae_optax.lab.checkpoints._leaves import Form

FORMAT = 3
PART = 2**22  # Bytes; a larger leaf is divided. A few parts at a time stay in memory unused.
SMALL = 2**24  # A state of no more bytes is one part: four take Orbax twice the time of one.


class Leaf(NamedTuple):
    """What a manifest says of a leaf.

    Attributes:
        text: Its dtype and shape, such as ``float32[3,4]``.
        key: The random generator of a leaf of keys, which is stored as its data; else ``None``.
        dtype: The dtype of the array stored.
        shape: The shape of the array stored.
        sha256: The digest of the array stored, in hexadecimal.
        part: Which of the parts it is in, that are written and read one after the other; ``None``
            in a checkpoint of the first format, which has none.
        pieces: Over how many parts it is divided, from that one on.
    """

    text: str
    key: str | None
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    part: int | None = None
    pieces: int = 1

    def part_of(self, piece: int) -> int | None:
        """Return the part that a piece is in."""
        return None if self.part is None else self.part + piece

    def shape_of(self, piece: int) -> tuple[int, ...]:
        """Return the shape of a piece as it is stored; the pieces of a divided leaf are flat."""
        if self.pieces == 1:
            return self.shape
        size = math.prod(self.shape)
        length = -(-size // self.pieces)
        return (min(length, size - piece * length),)


class Manifest(NamedTuple):
    """The record of one checkpoint.

    Attributes:
        step: The step.
        metric: What tells the best checkpoint, the lowest; ``None`` if it was not measured.
        identity: What the run is; see ``Checkpoints``.
        extra: What was saved with the state.
        rows: Which rows of the run belong to it.
        leaves: The leaves by path.
    """

    step: int
    metric: float | None
    identity: Mapping[str, Any]
    extra: Mapping[str, Any]
    rows: Prefix
    leaves: Mapping[str, Leaf]


def describe(forms: Mapping[str, Form], arrays: Mapping[str, np.ndarray]) -> dict[str, Leaf]:
    """Describe leaves, of which ``arrays`` are the host copies, and share them out into parts."""
    leaves, part, size = {}, 0, 0
    most = SMALL if sum(array.nbytes for array in arrays.values()) <= SMALL else PART
    for name, form in forms.items():
        array = arrays[name]
        # Orbax refuses a part of which no leaf holds a number.
        if array.nbytes and size and size + array.nbytes > most:
            part, size = part + 1, 0
        pieces = max(1, -(-array.nbytes // most))
        own = digest_of(array.dtype, array.shape, array).hexdigest()
        leaves[name] = Leaf(*form, str(array.dtype), array.shape, own, part, pieces)
        part, size = part + pieces - 1, size + array.nbytes
    return leaves


def in_parts(leaves: Mapping[str, Leaf]) -> dict[int | None, dict[str, int]]:
    """Return which pieces are in each part: their numbers by the paths of their leaves."""
    parts: dict[int | None, dict[str, int]] = {}
    for name, leaf in leaves.items():
        for piece in range(leaf.pieces):
            parts.setdefault(leaf.part_of(piece), {})[name] = piece
    return parts


def cut(
    arrays: Mapping[str, np.ndarray], leaves: Mapping[str, Leaf]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield what is to be stored of arrays in each part."""
    for pieces in in_parts(leaves).values():
        yield {name: _piece(arrays[name], leaves[name], n) for name, n in pieces.items()}


def _piece(array, leaf, number):
    if leaf.pieces == 1:
        return array
    first, (length,) = number * leaf.shape_of(0)[0], leaf.shape_of(number)
    return array.reshape(-1)[first : first + length]


def digest_of(dtype: Any, shape: tuple[int, ...], *arrays: np.ndarray) -> Any:
    """Return the SHA-256 of a dtype, a shape and the bytes of arrays, to be told or updated."""
    sha256 = hashlib.sha256(f"{dtype} {shape}".encode())
    for array in arrays:
        update(sha256, array)
    return sha256


def update(sha256: Any, array: np.ndarray) -> None:
    """Add the bytes of an array to a digest."""
    sha256.update(array.reshape(-1).view(np.uint8).data)


def encode(manifest: Manifest) -> dict[str, str]:
    """Return a manifest as a JSON mapping that carries its own digest."""
    leaves = {path: leaf._asdict() for path, leaf in manifest.leaves.items()}
    rows = manifest.rows._asdict()
    content = {"format": FORMAT, **manifest._asdict(), "rows": rows, "leaves": leaves}
    text = json.dumps(content, allow_nan=False)
    return {"manifest": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def decode(encoded: Mapping[str, str]) -> Manifest:
    """Read a manifest.

    Raises:
        ValueError: If it is not what was written, or was written in a later format.
    """
    text = encoded["manifest"]
    if hashlib.sha256(text.encode()).hexdigest() != encoded["sha256"]:
        raise ValueError("its digest differs")
    content = json.loads(text)
    if (written := content.pop("format")) > FORMAT:
        raise ValueError(f"it has format {written}, and this version reads up to {FORMAT}")
    leaves = {
        path: Leaf(**{**leaf, "shape": tuple(leaf["shape"])})
        for path, leaf in content.pop("leaves").items()
    }
    # The first format has the rows, if there are any, among what was saved with the state.
    rows = Prefix(**content.pop("rows")) if "rows" in content else NONE
    return Manifest(**content, rows=rows, leaves=leaves)
