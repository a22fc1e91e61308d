"""What models make of the same images, what they imagine, and where they put images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab._format import number
from ae_optax.lab.figures import LIGHT
from ae_optax.lab.report._codes import class_key, code_figure
from ae_optax.lab.report._png import data_uri, error_map
from ae_optax.lab.report._vectors import SHOWN, vector_figure
from ae_optax.lab.runs import DamagedError, Run, read_pictures


class Exhibit(NamedTuple):
    """What there is to see of one contender.

    Attributes:
        position: Names its colour.
        label: Its name.
        note: Said below the name.
        images: ``inputs``, ``reconstructions`` and perhaps ``samples``, ``codes``, ``code_width``,
            ``labels`` and ``classes``.
    """

    position: int
    label: str
    note: str
    images: Mapping[str, np.ndarray]


def pictures_of(run: Run) -> tuple[dict[str, np.ndarray], str]:
    """Return the pictures of a run, and if they are damaged none, and that in a line of HTML."""
    return _readable(lambda: run.pictures)


def pictures_in(folder: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return the pictures in the folder of a comparison, like :func:`pictures_of`."""
    return _readable(lambda: read_pictures(folder))


def _readable(read):
    try:
        pictures = read()
    except (OSError, DamagedError) as error:
        return {}, f'<p class="note">The pictures cannot be shown: {escape(str(error))}</p>'
    return (pictures if "originals" in pictures else {}), ""


def exhibit(position: int, label: str, note: str, images: Mapping[str, np.ndarray]) -> Exhibit:
    """Take a contender's own from the images of all, by the position at the end of each name."""
    end = f"_{position}"
    own = {k.removesuffix(end): v for k, v in images.items() if k.endswith(end)}
    return Exhibit(position, label, note, own)


def gallery(originals: np.ndarray, exhibits: Sequence[Exhibit], whose: str) -> Iterator[str]:
    """Yield reconstructions, samples and codes, those that there are.

    Args:
        originals: Test images; shape (k, height, width) or (k, height, width, channels); or
            vectors (k, d).
        exhibits: The contenders, best first.
        whose: Which models these are, a clause.
    """
    exhibits = [e for e in exhibits if "reconstructions" in e.images]
    if exhibits:
        yield "<h2>Reconstructions</h2>"
        draw = _vectors if originals.ndim == 2 else _reconstructions
        yield from draw(originals, exhibits, whose)
    sampled = [e for e in exhibits if "samples" in e.images and originals.ndim > 2]
    if sampled:
        yield "<h2>Samples</h2>"
        rows = (_row(e.label, e.note, {"sample": e.images["samples"]}) for e in sampled)
        yield f"<figure>{_grid(rows, len(sampled[0].images['samples']))}"
        yield (
            "<figcaption>What each decoder makes of the same codes, drawn from a standard normal "
            "distribution.</figcaption></figure>"
        )
    placed = [e for e in exhibits if "codes" in e.images]
    if placed:
        yield "<h2>Codes</h2>"
        yield '<figure><div class="many">'
        for e in placed:
            width = int(e.images["code_width"])
            labels = e.images.get("labels")
            drawn = code_figure(e.position, e.label, e.images["codes"], width, labels)
            yield f"<div>{drawn}</div>"
        yield "</div>"
        yield (
            "<figcaption>Where each encoder puts test images: a point for each, its code where "
            "that has two numbers, and else the first two principal components of all codes. "
            "Compare shapes, not places: every model has a space of its own."
        )
        if "classes" in placed[0].images:
            yield f" Classes: {class_key(placed[0].images['classes'].tolist())}."
        yield "</figcaption></figure>"


def _reconstructions(originals, exhibits, whose) -> Iterator[str]:
    outputs = [e.images["reconstructions"] for e in exhibits]
    errors = np.concatenate([np.abs(output - originals).ravel() for output in outputs])
    errors = errors[np.isfinite(errors)]
    scale = float(np.quantile(errors, 0.99)) if errors.size else 1.0
    scale = scale if scale > 0 else 1.0
    rows = [_row("Original", "", {"original": originals})]
    given = exhibits[0].images.get("inputs", originals)
    corrupted = not np.array_equal(given, originals)
    if corrupted:
        rows.append(_row("Input", "corrupted", {"input": given}))
    for e in exhibits:
        output = e.images["reconstructions"]
        maps = np.stack([error_map(*pair, scale) for pair in zip(originals, output, strict=True)])
        rows.append(_row(e.label, e.note, {"output": output, "error": maps}))
    yield f"<figure>{_grid(rows, len(originals))}"
    begun = "the corrupted images that the models were given, " if corrupted else ""
    yield (
        f"<figcaption>The first test images, {begun}and what is made of them: {escape(whose)}. "
        'Below each output its error: <b class="dark">blue</b> where it is too dark, '
        '<b class="bright">orange</b> where too bright, in full colour from '
        f"±{number(scale)} on a scale of 0 to 1, white where it is right.</figcaption></figure>"
    )


def _vectors(originals, exhibits, whose) -> Iterator[str]:
    yield '<figure><div class="many">'
    for i, original in enumerate(originals[:SHOWN]):
        outputs = [(e.position, e.label, e.images["reconstructions"][i]) for e in exhibits]
        yield f"<div>{vector_figure(i + 1, original, outputs)}</div>"
    yield "</div>"
    key = ", ".join(
        f'<span style="color:var(--c{e.position % len(LIGHT)})">{escape(e.label)}</span>'
        for e in exhibits
    )
    yield (
        f"<figcaption>The first test vectors, pale, and what is made of them: {escape(whose)}. "
        f"{key}.</figcaption></figure>"
    )


def _grid(rows: Iterable[str], n: int) -> str:
    return (
        f'<div class="scroll" tabindex="0"><div class="images" style="--n: {n}">\n'
        + "\n".join(rows)
        + "\n</div></div>"
    )


def _row(label, note, kinds):
    lines = f' style="grid-row: span {len(kinds)}"' if len(kinds) > 1 else ""
    name = f'<div class="who"{lines}>{escape(label)}<small>{escape(note)}</small></div>'
    return name + "".join(
        f'<img alt="{escape(label)}, {kind} {i}" src="{data_uri(image)}">'
        for kind, images in kinds.items()
        for i, image in enumerate(images, start=1)
    )
