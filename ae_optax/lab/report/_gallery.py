"""What models make of the same images, what they imagine, and where they put images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ae_optax.lab._format import number, rate
from ae_optax.lab.figures import FAINT, LIGHT, colour, drawing, make_axes, to_svg
from ae_optax.lab.report._html import without_folders
from ae_optax.lab.report._png import data_uri, error_map
from ae_optax.lab.runs import DamagedError, Run, read_pictures

_N_COLOURS = len(LIGHT)
_MARKERS = "osD^v"
_VECTORS = 4
_FEATURES = 500  # More of them are one black surface, and a large page.


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
        return {}, note_of("The pictures", error)
    return (pictures if "originals" in pictures else {}), ""


def exhibit(position: int, label: str, note: str, images: Mapping[str, np.ndarray]) -> Exhibit:
    """Take a contender's own from the images of all, by the position at the end of each name."""
    end = f"_{position}"
    own = {k.removesuffix(end): v for k, v in images.items() if k.endswith(end)}
    return Exhibit(position, label, note, own)


def note_of(what: str, error: Exception) -> str:
    """Return a paragraph that says why something is not on a page."""
    said = escape(without_folders(str(error)))
    return f'<p class="note">{what} cannot be shown: {said}</p>'


def gallery(originals: np.ndarray, exhibits: Sequence[Exhibit], whose: str) -> Iterator[str]:
    """Yield reconstructions, samples and codes, those that there are, or why they are not shown.

    Pictures are arrays from a file, and of any kind: they never cost the rest of the report.

    Args:
        originals: Test images; shape (k, height, width) or (k, height, width, channels); or
            vectors (k, d).
        exhibits: The contenders, best first.
        whose: Which models these are, a clause.
    """
    try:
        yield from list(_drawn(originals, exhibits, whose))
    except Exception as error:
        yield note_of("The pictures", error)


def _drawn(originals, exhibits, whose) -> Iterator[str]:
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
        f"<figcaption>Test images, {begun}and what is made of them: {escape(whose)}. "
        'Below each output its error: <b class="dark">blue</b> where it is too dark, '
        '<b class="bright">orange</b> where too bright, in full colour from '
        f"±{number(scale)} on a scale of 0 to 1, none where it is right.</figcaption></figure>"
    )


def _vectors(originals, exhibits, whose) -> Iterator[str]:
    yield '<figure><div class="many">'
    for i, original in enumerate(originals[:_VECTORS]):
        outputs = [(e.position, e.label, e.images["reconstructions"][i]) for e in exhibits]
        yield f"<div>{vector_figure(i + 1, original, outputs)}</div>"
    yield "</div>"
    key = ", ".join(
        f'<span style="color:var(--c{e.position % len(LIGHT)})">{escape(e.label)}</span>'
        for e in exhibits
    )
    yield (
        f"<figcaption>Test vectors, pale, and what is made of them: {escape(whose)}. "
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
        f'<img{shade} alt="{escape(label)}, {kind} {i}" src="{data_uri(image)}">'
        for kind, images in kinds.items()
        for shade in [' class="error"' if kind == "error" else ""]
        for i, image in enumerate(images, start=1)
    )


def code_figure(
    position: int, label: str, points: np.ndarray, width: int, classes: np.ndarray | None = None
) -> str:
    """Draw codes as points, in the colours of their classes or in one of the encoder.

    Args:
        position: Names the colour.
        label: Whose codes they are.
        points: Shape (n, 2); those not finite are left out.
        width: How many numbers a code has.
        classes: The class of each, from 0; ``None`` if nothing tells.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    kept = np.isfinite(points).all(axis=1)
    points = points[kept].reshape(-1, 2)
    groups = {position: points} if classes is None else _by_class(points, classes[kept])
    titles = ("code 1", "code 2") if width == 2 else ("first component", "second component")
    with drawing():
        figure, axes = make_axes(215, 215, top=20)
        for number, own in groups.items():
            marker = _MARKERS[number // _N_COLOURS % len(_MARKERS)] if classes is not None else "o"
            axes.plot(*own.T, marker, color=colour(number), markersize=2, alpha=0.6, mew=0)
        for axis, title in zip((axes.xaxis, axes.yaxis), titles, strict=True):
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
            axis.set_label_text(title)
        axes.text(0.5, 1.03, label, transform=axes.transAxes, ha="center", color=colour(position))
        described = f"Codes of {len(points)} test images by {label}, of {width} numbers each."
        return to_svg(figure, name=f"z{position}", description=described)


def class_key(names: Sequence[str]) -> str:
    """Return what the colours and marks of classes mean, as HTML."""
    signs = "●■◆▲▼"
    return ", ".join(
        f'<span style="white-space:nowrap"><span style="color:var(--c{i % _N_COLOURS})">'
        f"{signs[i // _N_COLOURS % len(signs)]}</span> {escape(name)}</span>"
        for i, name in enumerate(names)
    )


def _by_class(points, classes):
    return {int(number): points[classes == number] for number in np.unique(classes)}


def vector_figure(
    number: int, original: np.ndarray, outputs: Sequence[tuple[int, str, np.ndarray]]
) -> str:
    """Draw a vector and what models make of it over its features.

    Args:
        number: Of the vector, from 1.
        original: Shape (d,).
        outputs: Position, which names the colour, label and output of each model.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    features = np.arange(1, len(original) + 1)[:_FEATURES]
    style = {"marker": "o", "markersize": 2, "mew": 0} if len(features) <= 50 else {"marker": ""}
    with drawing():
        figure, axes = make_axes(330, 190, top=12)
        axes.plot(features, original[:_FEATURES], color=FAINT, linewidth=2.2, **style)
        for position, _, output in outputs:
            values = np.where(np.isfinite(output), output, np.nan)[:_FEATURES]
            axes.plot(features, values, color=colour(position), linewidth=0.9, **style)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
        axes.xaxis.set_label_text("feature")
        labels = ", ".join(label for _, label, _ in outputs)
        described = f"Test vector {number} and its reconstructions by {labels}."
        return to_svg(figure, name=f"v{number}", description=described)
