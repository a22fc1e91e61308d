"""What is in a checkpoint: every leaf's form and digest, and what belongs to the state."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ae_optax.lab.checkpoints._history import NONE, Prefix
from ae_optax.lab.checkpoints._leaves import Form

FORMAT = 2
PART = 2**24  # Bytes; a leaf that is larger is a part of its own.


class Leaf(NamedTuple):
    """What a manifest says of a leaf.

    Attributes:
        text: Its dtype and shape, such as ``float32[3,4]``.
        key: The random generator of a leaf of keys, which is stored as its data; else ``None``.
        dtype: The dtype of the array stored.
        shape: The shape of the array stored.
        sha256: The digest of the array stored, in hexadecimal.
        part: Which of the parts it is in, that are written and read one after the other; ``None``
            in a checkpoint of the first format, which is not divided.
    """

    text: str
    key: str | None
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    part: int | None = None


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
    for name, form in forms.items():
        array = arrays[name]
        if size and size + array.nbytes > PART:
            part, size = part + 1, 0
        size += array.nbytes
        leaves[name] = Leaf(*form, str(array.dtype), array.shape, digest(array), part)
    return leaves


def digest(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's dtype, shape and bytes."""
    sha256 = hashlib.sha256(f"{array.dtype} {array.shape}".encode())
    sha256.update(array.reshape(-1).view(np.uint8).data)
    return sha256.hexdigest()


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
