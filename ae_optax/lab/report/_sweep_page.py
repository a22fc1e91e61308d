"""The report of a sweep: its trials, what each swept value did, and how much each mattered."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax.lab._format import (
    at,
    counted,
    integer,
    is_number,
    listed,
    loss_in_words,
    number,
    percent,
    rate,
)
from ae_optax.lab.figures import colour, drawing, make_axes, to_svg, value_axis
from ae_optax.lab.report import _html
from ae_optax.lab.report._method import call_text
from ae_optax.lab.report._run_facts import labels_of
from ae_optax.lab.runs import (
    CONFIG,
    REPORT,
    SweepRecord,
    TrialRecord,
    read_sweep,
    read_text,
    write_file,
)

_MOST = 50
_GROUPS = 4
_FEWEST = 8
"""Of fewer trials, shares of what they differ by are noise."""


def write_sweep_report(folder: Path) -> Path:
    """Write the report of a sweep into its folder.

    Reads ``sweep.json``, and ``config.yaml`` where there is one. The same files give the same
    report, to the byte.

    Args:
        folder: The sweep's.

    Returns:
        The path of the report, ``report.html``: a static page without scripts, that loads
        nothing.

    Raises:
        FileNotFoundError: If there is no record of a sweep.
        ValueError: If it does not hold what it should.
    """
    record, config = read_sweep(folder), folder / CONFIG
    text = read_text(config) if config.exists() else ""
    (label,) = labels_of([folder])
    path = folder / REPORT
    write_file(path, _html.document(label, _body(label, record, text)))
    return path


def importance(values: Sequence[Any], losses: np.ndarray) -> float:
    r"""Return the share of what trials differ by that one swept value explains by itself.

    .. math::

        \epsilon^2 = 1 - \frac{(n - 1) \sum_g \sum_{i \in g} (r_i - \bar r_g)^2}
            {(n - k) \sum_i (r_i - \bar r)^2}

    of the ranks :math:`r` of the losses, over :math:`k` groups of equal values, or where numbers
    are many, of four quantiles. The factor takes off what groups explain by chance.

    Args:
        values: Of each trial; shape (n,).
        losses: Likewise; what is not finite is the worst.

    Returns:
        In [0, 1].

    References:
        Kelley, `An Unbiased Correlation Ratio Measure
        <https://doi.org/10.1073/pnas.21.9.554>`_, PNAS 21, 1935.
    """
    known = np.where(np.isfinite(losses), losses, np.inf)
    ranks = np.array([np.mean(known < x) + np.mean(known <= x) for x in known])
    groups = _grouped(values)
    n, k = len(ranks), len(set(groups))
    own = [ranks[groups == group] for group in set(groups)]
    around = sum(np.square(its - its.mean()).sum() for its in own)
    total = np.square(ranks - ranks.mean()).sum()
    if k < 2 or n <= k or total == 0:
        return 0.0
    return float(np.clip(1 - (n - 1) / (n - k) * around / total, 0, 1))


def _grouped(values) -> np.ndarray:
    if all(map(is_number, values)) and len(set(values)) > 2 * _GROUPS:
        edges = np.quantile(np.array(values, float), np.arange(1, _GROUPS) / _GROUPS)
        return np.searchsorted(edges, values)
    words = [repr(value) for value in values]
    return np.array([words.index(word) for word in words])


def _body(label, record: SweepRecord, config: str) -> Iterator[str]:
    trials = record.trials
    facts = (
        counted(len(trials), "trial"),
        counted(len(record.seeds), "seed"),
        f"chosen by {loss_in_words(record.criterion)}",
    )
    yield from _html.opening(label, facts)
    yield f'<p class="verdict">{escape(_conclusion(record))}</p>'
    if record.edges:
        yield '<ul class="remarks">'
        for path, edge in record.edges.items():
            said = f"{path}: the best value is the {edge} tried. Try some beyond it."
            yield f"<li>{escape(said)}</li>"
        yield "</ul>"
    losses = np.array([_loss(record, trial) for trial in trials], float)
    varied = [path for path in trials[0].values if len({repr(t.values[path]) for t in trials}) > 1]
    if np.isfinite(losses).any() and varied:
        yield from _slices(record, varied, losses)
        yield from _importance(varied, trials, losses)
    yield from _table(record)
    if config:
        yield "<h2>Reproducibility</h2>"
        yield from _html.config_details(config)


def _conclusion(record):
    best = record.trials[0]
    if not np.isfinite(_loss(record, best)):
        return "No trial has a result: every run failed or diverged."
    values = listed(at(path, value) for path, value in best.values.items())
    median = f"median over {counted(len(record.seeds), 'seed')}" if len(record.seeds) > 1 else ""
    told = ", ".join(filter(None, (number(_loss(record, best)), median)))
    test = "" if best.test_loss is None else f"; its test loss is {number(best.test_loss)}"
    return f"The lowest {loss_in_words(record.criterion)}, {told}, has {values}{test}."


def _slices(record, varied, losses) -> Iterator[str]:
    yield "<h2>What each value did</h2>"
    drawings = [
        _slice(path, [trial.values[path] for trial in record.trials], losses, record, f"w{i}")
        for i, path in enumerate(varied)
    ]
    lost = int((~np.isfinite(losses)).sum())
    left_out = f" {counted(lost, 'trial')} without a result left out." if lost else ""
    yield from _html.figures(
        drawings,
        f"Every trial, by each of its values: the others vary too. The best is orange.{left_out}",
    )


def _slice(path, values, losses, record, name) -> str:
    from matplotlib.ticker import (
        FixedLocator,
        FuncFormatter,
        LogLocator,
        MaxNLocator,
        NullFormatter,
    )

    known = np.isfinite(losses)
    numbers = all(map(is_number, values))
    written = _words(values)
    words = list(dict.fromkeys(written))
    x = np.array(values if numbers else [words.index(word) for word in written], float)
    with drawing():
        figure, axes = make_axes(330, 250)
        value_axis(axes, loss_in_words(record.criterion), losses[known].min(), losses[known].max())
        if numbers and x.min() > 0 and x.max() / x.min() >= 10:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(numticks=6))
            axes.xaxis.set_minor_formatter(NullFormatter())
        elif numbers:
            axes.xaxis.set_major_locator(MaxNLocator(5))
        else:
            axes.set_xlim(-0.5, len(words) - 0.5)
            axes.xaxis.set_major_locator(FixedLocator(range(len(words))))
        write = rate if numbers else lambda value: words[round(value)]
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
        axes.set_xlabel(path)
        axes.plot(x[known], losses[known], "o", color=colour(0), markersize=4, alpha=0.55, mew=0)
        axes.plot(x[:1], losses[:1], "o", color=colour(1), markersize=6, mew=0)
        described = f"{loss_in_words(record.criterion).capitalize()} of every trial by {path}."
        return to_svg(figure, name=name, description=described)


def _importance(varied, trials: Sequence[TrialRecord], losses) -> Iterator[str]:
    if len(trials) < _FEWEST:
        return
    found = {path: importance([t.values[path] for t in trials], losses) for path in varied}
    yield "<h2>What mattered</h2>"
    order = sorted(found, key=lambda path: -found[path])
    yield from _html.table(
        ("Value", "Importance"), ((escape(path), [percent(found[path])]) for path in order)
    )
    yield (
        '<p class="note">The share of the differences between the trials, in the ranks of their '
        "losses, that a value explains by itself; what it does only together with another is in "
        "none of these. It holds for the ranges tried.</p>"
    )


def _table(record) -> Iterator[str]:
    yield "<h2>Trials</h2>"
    paths = list(record.trials[0].values)
    columns = [_words([trial.values[path] for trial in record.trials]) for path in paths]
    parts = ("train_loss", "validation_loss", "test_loss")
    heads = ("Trial", *paths, *(loss_in_words(part).capitalize() for part in parts), "Runs lost")
    rows = (
        (
            integer(place),
            [
                *values,
                *(number(getattr(trial, part)) for part in parts),
                integer(sum(run.status in ("failed", "diverged") for run in trial.runs)),
            ],
        )
        for place, (trial, *values) in enumerate(
            itertools.islice(zip(record.trials, *columns, strict=True), _MOST), start=1
        )
    )
    yield from _html.table(heads, rows)
    note = "Best first; losses are medians over seeds of the last ones."
    if len(record.trials) > _MOST:
        note += f" The first {_MOST}; table.csv has all."
    yield f'<p class="note">{note}</p>'


def _loss(record: SweepRecord, trial: TrialRecord) -> float:
    loss = getattr(trial, record.criterion)
    return np.inf if loss is None else loss


def _words(values: Sequence[Any]) -> list[str]:
    """Write what one path was in each trial; of a function, the arguments that are not always so.

    Those are of the trials with the same function: others have others.
    """
    calls = [value for value in values if _is_call(value)]
    first = {call["name"]: call for call in reversed(calls)}
    varied = {
        (name, key)
        for name, call in ((call["name"], call) for call in calls)
        for key in call.keys() | first[name].keys()
        if call.get(key, ...) != first[name].get(key, ...)
    }

    def word(value):
        if not _is_call(value):
            return rate(value) if is_number(value) else str(value)
        name = value["name"]
        return call_text({k: v for k, v in value.items() if k == "name" or (name, k) in varied})

    return [word(value) for value in values]


def _is_call(value):
    return isinstance(value, Mapping) and "name" in value
