"""The sections of the report that show what came out."""

from collections.abc import Iterator, Mapping
from html import escape

import numpy as np

from ae_optax.report import _figures
from ae_optax.report._columns import COLUMNS
from ae_optax.report._palette import colour, css_names, line_style
from ae_optax.report._pictures import image_grid
from ae_optax.report._record import Record, ranked, with_result
from ae_optax.report._verdict import without_result


def table(record: Record) -> Iterator[str]:
    """Yield the verdict table, best first."""
    yield "<h2>Verdict</h2>"
    yield '<div class="scroll" tabindex="0"><table>'
    heads = "".join(f'<th scope="col">{escape(column.title)}</th>' for column in COLUMNS)
    yield f'<thead><tr><th scope="col">Contender</th>{heads}</tr></thead>'
    yield "<tbody>"
    for position, contender in ranked(record):
        cells = "".join(_cell(column.text(contender)) for column in COLUMNS)
        name = f"{_swatch(position)}{escape(contender['label'])}"
        yield f'<tr><th scope="row">{name}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def sensitivity(record: Record) -> Iterator[str]:
    """Yield the figure of final loss against learning rate."""
    wide = _figures.sensitivity(record, width=640, height=340, name="sw")
    narrow = _figures.sensitivity(record, width=340, height=330, name="sn")
    if wide is None or narrow is None:
        return
    yield "<h2>Sensitivity to the learning rate</h2>"
    yield "<figure>"
    yield _key((i, contender) for i, contender in ranked(record) if contender["runs"])
    yield f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
    yield (
        "<figcaption>Final test loss at every learning rate tried: median over seeds, the band "
        "from the lowest to the highest. The wider the valley, the less a contender depends on "
        "tuning. × marks rates at which runs diverged, a faint × where some seeds "
        "did not; the dashed line is the untrained model.</figcaption>"
    )
    yield "</figure>"


def curves(record: Record) -> Iterator[str]:
    """Yield the figures of loss by step and by time."""
    by_step = _figures.loss_curves(record, "test_loss", seconds=False, name="ts")
    by_time = _figures.loss_curves(record, "test_loss", seconds=True, name="tt")
    if by_step is None or by_time is None:
        return
    yield "<h2>Loss by step and by time</h2>"
    yield "<figure>"
    yield _key(with_result(record))
    yield f'<div class="pair"><div>{by_step}</div><div>{by_time}</div></div>'
    yield (
        "<figcaption>Test loss at each contender's best learning rate, by step and by seconds, "
        "compilation left out: median over seeds, the band from the lowest to the highest; "
        "the thin line is the target, if in sight. What is ahead by step but not by time pays for "
        "it in each step.</figcaption>"
    )
    yield "</figure>"
    train = _figures.loss_curves(record, "train_loss", seconds=False, name="rs")
    validation = _figures.loss_curves(record, "validation_loss", seconds=False, name="vs")
    parts = "".join(f"<div>{svg}</div>" for svg in (train, validation) if svg is not None)
    if parts:
        yield f'<figure><div class="pair">{parts}</div>'
        said = "Training loss, the mean over each epoch"
        said += ", and validation loss, by which rates were chosen" if validation else ""
        yield (
            f"<figcaption>{said}; at the same runs. A training loss that falls on while the test "
            "loss does not is overfitting.</figcaption>"
        )
        yield "</figure>"


def reconstructions(record: Record, images: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield originals and reconstructions side by side."""
    yield "<h2>Reconstructions</h2>"
    yield f"<figure>{image_grid(record, images)}"
    yield (
        "<figcaption>The first images of the test set, and what each contender's model makes of "
        "them: best learning rate, first seed. Below each name, the median final test loss."
        "</figcaption></figure>"
    )


def failures(record: Record) -> Iterator[str]:
    """Yield what went wrong, if anything did."""
    lost = without_result(record)
    if lost:
        yield "<h2>Failures</h2>"
        yield '<dl class="facts">'
        for label, reason in lost:
            yield f"<dt>{escape(label)}</dt><dd>{escape(reason)}</dd>"
        yield "</dl>"


def _cell(text):
    flagged = ' class="flag"' if text.endswith(("↑", "↓")) else ""
    return f"<td{flagged}>{escape(text)}</td>"


def _key(contenders):
    names = (f"<span>{_swatch(i)}{escape(c['label'])}</span>" for i, c in contenders)
    return f'<div class="key" aria-hidden="true">{"".join(names)}</div>'


def _swatch(position):
    style = line_style(position)
    stroke = css_names()[colour(position)]
    dashes = style["linestyle"]
    pattern = "" if dashes == "-" else ' stroke-dasharray="' + " ".join(map(str, dashes[1])) + '"'
    return (
        '<svg class="swatch" viewBox="0 0 20 8" aria-hidden="true">'
        f'<path d="M0 4H20" stroke="{stroke}" stroke-width="1.8"{pattern}/>'
        f'<path d="{_MARKERS[style["marker"]]}" fill="{stroke}"/></svg>'
    )


_MARKERS = {
    "o": "M13 4a3 3 0 1 1-6 0a3 3 0 1 1 6 0z",
    "s": "M7.4 1.4h5.2v5.2h-5.2z",
    "D": "M10 .4l3.6 3.6l-3.6 3.6l-3.6-3.6z",
    "^": "M10 .6l3.4 6.2h-6.8z",
    "v": "M10 7.4l3.4-6.2h-6.8z",
    "P": "M8.8 .8h2.4v2h2v2.4h-2v2h-2.4v-2h-2v-2.4h2z",
    "*": "M10 0l1.2 2.8l3 .2l-2.3 1.9l.8 3l-2.7-1.6l-2.7 1.6l.8-3l-2.3-1.9l3-.2z",
    "X": "M8 .7l2 2l2-2l1.3 1.3l-2 2l2 2l-1.3 1.3l-2-2l-2 2l-1.3-1.3l2-2l-2-2z",
}
