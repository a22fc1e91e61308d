"""The result in one sentence that claims no more than the numbers do."""

from ae_optax.lab._format import at, listed, number, rate, span
from ae_optax.lab._seeds import ahead, enough
from ae_optax.lab.report._comparison_facts import by_chance, finals, ranked, wins, with_result
from ae_optax.lab.runs import ComparisonRecord


def verdict(record: ComparisonRecord) -> str:
    """Say in one sentence which contender did best, and whether it is ahead of the others.

    By the criterion that its rank has as well: it is *ahead* of another if it is lower with as many
    seeds as are needed, see :func:`~ae_optax.lab._seeds.ahead`.

    Args:
        record: A comparison.

    Returns:
        The sentence, as plain text.
    """
    contenders = [(c, best, finals(record, c, best)) for _, c, best in with_result(record)]
    if not contenders:
        return "No contender has a result: every run failed or diverged."
    (first, best, _), *others = contenders
    n_seeds, final = len(record.seeds), best.final_test
    seeds = f"{span(final.lowest, final.highest)} over {n_seeds} seeds, "
    measured = f"{number(final.median)} ({seeds if n_seeds > 1 else ''}at learning rate "
    measured += f"{rate(best.learning_rate)})"
    if not others:
        only = "is the only contender with a result: its test loss is"
        return f"{first.label} {only} {measured}."
    standing = _standing(record, contenders)
    return f"{first.label} has the lowest median test loss, {measured}{standing}"


def remarks(record: ComparisonRecord) -> list[str]:
    """Say what a reader should know before trusting the table, one sentence each."""
    sentences = []
    for _, contender, best in with_result(record):
        if best.edge is not None:
            beyond = {"lowest": "lower", "highest": "higher"}[best.edge]
            sentences.append(
                f"{contender.label} did best at {rate(best.learning_rate)}, the "
                f"{best.edge} learning rate it was given: a better one may lie beyond. Extend "
                f"its range to {beyond} rates, with as many trials, before concluding."
            )
        sentences += [
            f"{contender.label} did best with {at(path, best.values[path])}, the {edge} "
            "number it was given there: a better one may lie beyond."
            for path, edge in best.value_edges.items()
        ]
        if best.final_test.highest is None:
            sentences.append(
                f"{contender.label} diverged with some seeds even at its best learning rate, "
                f"{rate(best.learning_rate)}."
            )
    n_seeds = len(record.seeds)
    if n_seeds > 1 and not enough(n_seeds) and len(with_result(record)) > 1:
        sentences.append(
            f"{n_seeds} seeds are few: of two equal contenders one is ahead with every seed in "
            f"{by_chance(record)} of cases. Six make it 3 %, and intervals of 95 % possible."
        )
    if record.times_left_out:
        sentences.append(record.times_left_out)
    counts = {c.settings for c in record.contenders if c.failure is None}
    if len(counts) > 1:
        sentences.append(
            "The contenders were given different numbers of settings, which favours those with "
            "more."
        )
    return sentences


def without_result(record: ComparisonRecord) -> list[tuple[str, str]]:
    """Return the contenders without a result, each with the reason."""
    lost = [contender for _, contender in ranked(record) if contender.best is None]
    return [(contender.label, _reason(contender)) for contender in lost]


def _reason(contender):
    if contender.failure is not None:
        return contender.failure
    n_runs = len(contender.runs)
    n_diverged = sum(run.diverged for run in contender.runs)
    if n_diverged == n_runs:
        return f"Diverged in all of its {n_runs} runs. Try lower learning rates."
    return (
        f"Diverged in {n_diverged} of its {n_runs} runs, at every learning rate with half of the "
        "seeds or more. Try lower learning rates."
    )


def _standing(record, contenders):
    (_, _, its), *others = contenders
    if len(record.seeds) == 1:
        return ", with one seed, which cannot tell a difference from chance."
    rivals = [other.label for other, _, their in others if not ahead(its, their)]
    if rivals:
        return f", but not ahead of {listed(rivals)} with {wins(record)}."
    second, best, _ = others[0]
    final = best.final_test
    measured = f"{number(final.median)} ({span(final.lowest, final.highest)})"
    return f", ahead of all others with {wins(record)}; {second.label} is next, {measured}."
