"""Read and verify checkpoints."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_optax.lab.checkpoints._error import CheckpointError, DamageError, reason
from ae_optax.lab.checkpoints._history import read_rows
from ae_optax.lab.checkpoints._leaves import ARRAY, forms, like, paths
from ae_optax.lab.checkpoints._manifest import Manifest, decode, digest_of, in_parts, update
from ae_optax.lab.checkpoints._orbax import read_arrays, read_manifest

MOST = 10  # Lines shown of differences; another model differs in all leaves.


class Skipped(NamedTuple):
    """A checkpoint that could not be read.

    Attributes:
        step: Its step.
        reason: What is wrong with it; names the damaged leaf where one is.
    """

    step: int
    reason: str


class Restored(NamedTuple):
    """A checkpoint that was read and verified.

    Attributes:
        state: Like the template, every bit as it was saved.
        step: The step it was saved at.
        extra: The JSON values that were saved with it.
        skipped: The newer checkpoints that are damaged, newest first.
        rows: The rows that were saved with it; none if they are lost.
        rows_damage: What is wrong with the file that they are in; nothing if all is well.
    """

    state: Any
    step: int
    extra: Mapping[str, Any]
    skipped: tuple[Skipped, ...]
    rows: Sequence[Any] = ()
    rows_damage: str = ""


def steps(folder: Path) -> list[int]:
    """Return the steps that are saved completely, in order."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def restore(
    folder: Path,
    template: Any,
    step: int | None,
    identity: Mapping[str, Any],
    log: Path | None = None,
) -> Restored:
    """Read the checkpoint of one step, or the newest intact one; see ``Checkpoints.restore``."""
    leaves = paths(template, ARRAY | jax.ShapeDtypeStruct)
    expected = {name: form.text for name, form in forms(leaves).items()}
    saved = steps(folder)
    if step is not None and step not in saved:
        raise CheckpointError(f"{folder}: there is no checkpoint of step {step}, only {saved}.")
    skipped: list[Skipped] = []
    for candidate in reversed(saved) if step is None else [step]:
        try:
            manifest = manifest_of(folder, candidate)
            _check_run(folder, manifest, identity, expected)
            reader = _Reader(folder, manifest)
            placed = {
                name: like(leaves[name], reader.pieces(name), leaf.shape, leaf.key)
                for name, leaf in manifest.leaves.items()
            }
            # `leaves` are in the order of the tree.
            state = jax.tree.unflatten(jax.tree.structure(template), map(placed.get, leaves))
            rows, lost = read_rows(folder, manifest.rows, log)
            return Restored(state, candidate, manifest.extra, tuple(skipped), rows, lost)
        except DamageError as damage:
            skipped.append(Skipped(candidate, str(damage)))
    if not skipped:
        raise CheckpointError(f"{folder}: there is no checkpoint.")
    lines = [f"step {candidate}: {damage}" for candidate, damage in skipped]
    raise CheckpointError(f"{folder}: there is no intact checkpoint.{_shown(lines)}")


def damaged(folder: Path) -> list[Skipped]:
    """Read every step and verify all its leaves; return those that are damaged, oldest first."""
    found: list[Skipped] = []
    for step in steps(folder):
        try:
            manifest = manifest_of(folder, step)
            reader = _Reader(folder, manifest)
            for name in manifest.leaves:
                for _ in reader.pieces(name):
                    pass
            if lost := read_rows(folder, manifest.rows)[1]:
                raise DamageError(lost)
        except DamageError as damage:
            found.append(Skipped(step, str(damage)))
    return found


def manifest_of(folder: Path, step: int) -> Manifest:
    """Read the manifest of a step.

    Raises:
        DamageError: If it cannot be read.
    """
    try:
        return decode(read_manifest(folder / str(step)))
    except Exception as error:  # Damage can make Orbax raise anything.
        raise DamageError(f"its manifest cannot be read: {reason(error)}") from error


def metric_of(folder: Path, step: int) -> float | None:
    """Return the metric of a step; ``None`` if it has none or cannot be read."""
    try:
        return manifest_of(folder, step).metric
    except DamageError:
        return None


def _check_run(folder, manifest, identity, expected):
    """Raise if a checkpoint is that of another run."""
    saved = {name: leaf.text for name, leaf in manifest.leaves.items()}
    lines = _differences(dict(_flat(manifest.identity)), dict(_flat(identity))) + _differences(
        saved, expected
    )
    if lines:
        raise CheckpointError(
            f"{folder / str(manifest.step)}: this is the checkpoint of another run; "
            f"the differences:{_shown(lines)}"
        )


class _Reader:
    """Reads and verifies the leaves of a checkpoint in their order, one part at a time."""

    def __init__(self, folder, manifest):
        self._folder, self._leaves = folder / str(manifest.step), manifest.leaves
        self._parts, self._part = in_parts(manifest.leaves), -1
        self._arrays: dict[str, np.ndarray] = {}

    def pieces(self, name: str) -> Iterator[np.ndarray]:
        """Yield the pieces of a leaf; raise a ``DamageError`` if they are not what was written."""
        leaf = self._leaves[name]
        sha256 = digest_of(leaf.dtype, leaf.shape)
        for piece in range(leaf.pieces):
            if (part := leaf.part_of(piece)) != self._part:
                self._arrays.clear()
                self._arrays, self._part = _read(self._folder, part, self._forms(part)), part
            array = self._arrays.pop(name)
            update(sha256, array)
            yield array
        if sha256.hexdigest() != leaf.sha256:
            raise DamageError(f"{name} is damaged: its SHA-256 is not the one saved")

    def _forms(self, part):
        inside = ((n, self._leaves[n], piece) for n, piece in self._parts[part].items())
        return {n: (leaf.dtype, leaf.shape_of(piece)) for n, leaf, piece in inside}


def _read(folder, part, forms):
    try:
        return read_arrays(folder, part, forms)
    except Exception as error:  # As above.
        if len(forms) > 1:  # One by one, so that the damage has a name.
            return {name: _read(folder, part, {name: form})[name] for name, form in forms.items()}
        (name,) = forms
        raise DamageError(f"{name} cannot be read: {reason(error)}") from error


def _differences(saved: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Return a line for each path whose text differs, in the order of ``saved``."""
    lines = []
    for path in [*saved, *(path for path in expected if path not in saved)]:
        if path not in expected:
            lines.append(f"{path}: saved {saved[path]}, expected nothing")
        elif path not in saved:
            lines.append(f"{path}: saved nothing, expected {expected[path]}")
        elif saved[path] != expected[path]:
            lines.append(f"{path}: saved {saved[path]}, expected {expected[path]}")
    return lines


def _shown(lines: list[str]) -> str:
    """Return the first lines, indented, and how many there are besides."""
    more = [f"... and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "".join(f"\n  {line}" for line in [*lines[:MOST], *more])


def _flat(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield JSON values as text by dotted path, such as ``("data.name", '"mnist"')``."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(values, allow_nan=False)
