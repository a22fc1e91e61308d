"""Several comparisons on one page: places, performance profile, and a section for each."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab._format import ABSENT, counted, hundredths, number, rate
from ae_optax.lab.figures import Spread, drawing, label_curves, line_style, make_axes, to_svg
from ae_optax.lab.report._comparison_facts import with_result
from ae_optax.lab.report._comparison_page import sections, title_and_rest
from ae_optax.lab.report._html import document, figures, key_to, nested, opening, swatch, table
from ae_optax.lab.report._run_facts import labels_of
from ae_optax.lab.runs import ComparisonRecord, read_comparison, write_file

_LARGEST = 4.0
_APART = 0.012


def write_joint_report(
    folders: Sequence[Path], path: Path, *, profile: Mapping[str, Any] | None
) -> None:
    """Write one page about several comparisons, each a workload.

    Args:
        folders: Their folders, each with ``comparison.json`` and ``images.npz``.
        path: The page, as HTML.
        profile: ``seconds`` and ``steps``, each a performance profile by contender; without
            seconds where times are left out; ``None`` for none, which is fair with fewer than three
            workloads.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a ``comparison.json`` is no record of a comparison.
    """
    records = [read_comparison(folder) for folder in folders]
    title = counted(len(records), "comparison")
    body = _body(title, labels_of(folders), records, folders, profile)
    write_file(path, document(title, body))


def _body(title, labels, records, folders, profile) -> Iterator[str]:
    yield from opening(title, labels)
    yield "<h2>Places</h2>"
    yield from _places(labels, records)
    if profile is not None:
        yield from profiles(profile)
    for number_of, (label, record, folder) in enumerate(
        zip(labels, records, folders, strict=True), start=1
    ):
        yield f"<h2>{escape(label)}</h2>"
        asked = "\n".join(filter(None, title_and_rest(record)))
        yield f'<p class="question">{escape(asked)}</p>'
        yield from nested(sections(record, folder), f"w{number_of}")


def _places(labels: Sequence[str], records: Sequence[ComparisonRecord]) -> Iterator[str]:
    """Yield who came where at which workload, with the loss, best mean place first."""
    found = [{c.label: best for _, c, best in with_result(record)} for record in records]
    names = dict.fromkeys(c.label for record in records for c in record.contenders)
    means = {
        name: sum(place) / len(place)
        for name in names
        if (place := [row[name].rank.place for row in found if name in row])
    }
    complete = {name: all(name in row for row in found) for name in names}
    order = sorted(names, key=lambda name: (not complete[name], means.get(name, len(names))))
    rows = (
        (
            escape(name),
            [
                hundredths(means[name]) if complete[name] else ABSENT,
                *(_place(row.get(name)) for row in found),
            ],
        )
        for name in order
    )
    yield from table(("Contender", "Mean place", *labels), rows)
    yield (
        '<p class="note">Place by median final test loss, with the loss in brackets; a dash where '
        "there is no result, and no mean then.</p>"
    )


def _place(best):
    if best is None:
        return ABSENT
    return f"{hundredths(best.rank.place)} ({number(best.final_test.median)})"


def profiles(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the performance profiles by seconds and by steps.

    Args:
        content: ``seconds``, if they are known, and ``steps``, each by contender ``factors``,
            ``shares``, ``score``.
    """
    yield "<h2>Performance profile</h2>"
    units = list(content)
    first = content[units[0]]
    order = sorted(first, key=lambda name: -first[name]["score"])
    positions = {name: i for i, name in enumerate(first)}
    yield key_to((positions[name], name) for name in order)
    yield from figures(
        [_figure(content[unit], positions, unit) for unit in units],
        "Share of the workloads whose target a contender reaches within a factor of the fastest "
        "one's time, at its best learning rate: on the left how often it is the fastest, on the "
        "right how often it arrives at all. Lines that would cover each other are drawn side by "
        "side. After Dahl et al., Benchmarking Neural Network "
        "Training Algorithms, arXiv 2306.07179, 2023.",
    )
    rows = (
        (
            swatch(positions[name]) + escape(name),
            [number(content[unit][name]["score"]) for unit in units],
        )
        for name in order
    )
    yield from table(("Contender", *(f"Score by {unit}" for unit in units)), rows)
    yield (
        '<p class="note">The score is the mean height of the profile between the factors 1 and 4: '
        "1 for the fastest at every workload, 0 for one that never arrives in time.</p>"
    )


def _figure(contenders, positions, unit):
    from matplotlib.ticker import FuncFormatter, NullFormatter

    known = [factor for c in contenders.values() for factor in c["factors"]]
    end = max([_LARGEST, *(1.1 * factor for factor in known)])
    with drawing():
        figure, axes = make_axes(330, 250)
        axes.set_xscale("log")
        axes.set_xlim(1, end)
        axes.set_ylim(-0.06, 1.08)
        ticks = [t for t in (1, 1.5, 2, 3, 4, 6, 10, 30, 100, 300, 1000, 10_000) if t <= end]
        axes.set_xticks(ticks if end < 20 else [t for t in ticks if t not in (1.5, 4, 6)])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rate(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{unit} to target, over those of the fastest")
        axes.set_ylabel("share of workloads")
        names = {}
        for name, profile in contenders.items():
            x, y = _stairs(profile, end)
            aside = _APART * (positions[name] - (len(positions) - 1) / 2)
            y = y + aside
            style = line_style(positions[name]) | {"marker": ""}
            axes.plot(x, y, label=name, **style, clip_on=False)
            dots = line_style(positions[name]) | {"linestyle": ""}
            axes.plot(profile["factors"], np.add(profile["shares"], aside), **dots, clip_on=False)
            names[positions[name]] = (name, x, Spread(y, y, y))
        label_curves(axes, names)
        described = f"Share of workloads within a factor of the fastest, by {unit}."
        return to_svg(figure, name=f"p{unit}", description=described)


def _stairs(profile, end):
    """Corners of the profile: level up to each factor, then up."""
    x = np.repeat([1.0, *profile["factors"], end], 2)[1:-1]
    y = np.repeat([0.0, *profile["shares"]], 2)
    return x, y
