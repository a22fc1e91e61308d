"""The columns of the verdict table, said once for page, terminal and definitions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ae_optax.lab._format import (
    ABSENT,
    at,
    hundredths,
    integer,
    number,
    percent,
    rate,
    span,
)
from ae_optax.lab._seeds import enough
from ae_optax.lab.report._comparison_facts import chosen_by, wins
from ae_optax.lab.runs import Best, ComparisonRecord, ContenderRecord


class Column(NamedTuple):
    """A column of the verdict table.

    Attributes:
        title: Its head.
        short: Its head on the terminal.
        meaning: Its definition, a clause.
        text: A contender's entry.
        keep: How long it stays as the terminal narrows: the column of the least goes first.
        timed: Whether it tells a time, which may have to be left out.

    In the words, names in braces stand for what depends on the comparison, see :func:`worded`.
    """

    title: str
    short: str
    meaning: str
    text: Callable[[ContenderRecord], str]
    keep: float
    timed: bool = False


def _of_best(write: Callable[[Best], str]) -> Callable[[ContenderRecord], str]:
    return lambda contender: write(contender.best) if contender.best else ABSENT


def _window(best):
    if best.usable is None:
        return ABSENT
    lowest, highest = best.usable
    return rate(lowest) if lowest == highest else f"{rate(lowest)}–{rate(highest)}"


def _diverged(contender):
    if not contender.runs:
        return ABSENT
    return percent(sum(run.diverged for run in contender.runs) / len(contender.runs))


def _interval(best):
    return ABSENT if best.interval is None else span(*best.interval)


def _rank(best):
    place, lowest, highest = map(hundredths, (best.rank.place, best.rank.lowest, best.rank.highest))
    return place if lowest == highest == place else f"{place} ({lowest}–{highest})"


def _decades(best):
    return ABSENT if best.usable_decades is None else hundredths(best.usable_decades)


def _final(contender):
    if contender.failure is not None:
        return "failed"
    best = contender.best
    return number(best.final_test.median) if best else "diverged"


def _per_second(milliseconds):
    return integer(1e3 / milliseconds) if milliseconds else ABSENT


def _seconds_per_run(contender):
    values = sorted(run.seconds for run in contender.runs)
    return number(values[len(values) // 2]) if values else ABSENT


def _milliseconds(contender):
    median, quartiles = contender.ms_per_step, contender.ms_quartiles
    if median is None or quartiles is None:
        return number(median)
    return f"{number(median)} ({span(*quartiles)})"


def _rate(best):
    mark = {None: "", "lowest": " ↓", "highest": " ↑"}
    edges = best.value_edges
    others = (f", {at(k, v)}{mark[edges.get(k)]}" for k, v in best.values.items())
    return rate(best.learning_rate) + mark[best.edge] + "".join(others)


VERDICT = (
    Column(
        "Final test loss",
        "final",
        "median over seeds of the test loss after the last epoch, at the best rate",
        _final,
        10,
    ),
    Column(
        "{over_seeds}",
        "{spread}",
        "{what_spread_is}; a dash for one seed",
        _of_best(_interval),
        8,
    ),
    Column(
        "Rank",
        "rank",
        "place by the median; in brackets the places it may have, before nobody who is ahead of it "
        "and behind nobody whom it is ahead of: who is lower with {wins}",
        _of_best(_rank),
        3.5,
    ),
    Column(
        "Best rate",
        "rate",
        "the learning rate chosen, by {chosen_by} loss, and with it whatever else was tuned; ↑ or "
        "↓ marks the highest or lowest number tried, beyond which a better one may lie",
        _of_best(_rate),
        9,
    ),
    Column(
        "Usable rates",
        "usable rates",
        "from the lowest to the highest rate whose median final test loss is within 10 % of that "
        "at the best rate; what else was tuned is chosen at each rate, by {chosen_by} loss",
        _of_best(_window),
        2.5,
    ),
    Column(
        "Decades",
        "dec.",
        "the width of that window in powers of ten",
        _of_best(_decades),
        2.2,
    ),
    Column(
        "Diverged",
        "div.",
        "share of all runs, over settings and seeds, that ended with a loss not finite or above "
        "that of the untrained model",
        _diverged,
        7,
    ),
    Column(
        "Steps to target",
        "steps",
        "median over seeds of the first step at which the test loss, measured after every epoch, "
        "was at or below the target; a dash if it never was",
        _of_best(lambda best: integer(best.steps_to_target)),
        6,
    ),
    Column(
        "Seconds to target",
        "s",
        "the same in seconds of wall time, compilation left out, at the median pace of a "
        "contender's runs",
        _of_best(lambda best: number(best.seconds_to_target)),
        5,
        timed=True,
    ),
    Column(
        "Best test loss",
        "best",
        "median over seeds of the lowest test loss after any epoch, at the best rate; "
        "optimistic, as nobody could have stopped there without looking at the test set",
        _of_best(lambda best: number(best.best_test.median)),
        2,
    ),
)
COST = (
    Column(
        "ms per step",
        "ms/step",
        "median over all runs of the wall time of a step, its share of the evaluations included, "
        "with its quartiles; contenders took turns",
        _milliseconds,
        4,
        timed=True,
    ),
    Column(
        "Steps per second",
        "steps/s",
        "the same turned around",
        lambda contender: _per_second(contender.ms_per_step),
        0.5,
        timed=True,
    ),
    Column(
        "Seconds per run",
        "s/run",
        "median over all runs of training and evaluation, compilation left out",
        _seconds_per_run,
        0.4,
        timed=True,
    ),
    Column(
        "Seconds to compile",
        "comp.",
        "time until the one program that served all runs was compiled; what all contenders "
        "start from, compiled once, left out",
        lambda contender: number(contender.compile_seconds) if contender.runs else ABSENT,
        0.3,
        timed=True,
    ),
    Column(
        "State bytes per parameter",
        "B/par.",
        "size of the optimizer's state over the number of the model's parameters, to a hundredth",
        lambda contender: (
            hundredths(contender.state_bytes_per_parameter) if contender.runs else ABSENT
        ),
        1,
    ),
)
COLUMNS = (*VERDICT, *COST)


def worded(record: ComparisonRecord, columns: Sequence[Column] = COLUMNS) -> list[Column]:
    """Return columns in the words that suit a comparison: by what it chose, how many its seeds.

    Those of times are left out where these are.
    """
    title, short, meaning = (
        ("95 % interval", "95 %", "interval that covers that median, of all seeds there could be")
        if enough(len(record.seeds))
        else ("Range", "range", "from the lowest seed to the highest")
    )
    words = {
        "chosen_by": chosen_by(record),
        "over_seeds": title,
        "spread": short,
        "what_spread_is": meaning,
        "wins": wins(record),
    }

    def fill(column):
        said = {name: getattr(column, name).format(**words) for name in Column._fields[:3]}
        return column._replace(**said)

    return [fill(column) for column in columns if not (column.timed and record.times_left_out)]
