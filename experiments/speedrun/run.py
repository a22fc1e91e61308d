"""Which optimizer trains autoencoders best in so many steps, or seconds?

Usage: python experiments/speedrun/run.py [--quick | --redraw]
       python experiments/speedrun/run.py --check | --check-data
       python experiments/speedrun/run.py --record NAME
       python experiments/speedrun/run.py [--tune TRACK] [--track TRACK] [--only NAME] [--seeds N]
           [--minutes M] [--resume] [--device gpu] [--threads N]

The first gathers what the logs hold on the page. The others check all claims, or what is known of
the data; replay a record from nothing; and make what is missing of the trials and of the entries of
a track, or of `all`, as far as the minutes go. On a GPU seeds and rates are lanes of one program;
on a CPU they come one after another, on one thread unless `--threads` says more.
"""

import argparse
import math
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from engine import Bench, Lane, OutOfTimeError, each_corruption
from entries import (
    HERE,
    Entry,
    Tuning,
    changed,
    config_of,
    identity,
    overrides_of,
    overrides_of_trial,
    read_entries,
    read_log,
    read_rules,
    read_tuning,
    said_by,
    write_log,
)
from judge import against, diverged, objections, scores_of, sigma_of

from ae_optax.lab import runs, study
from ae_optax.lab._environment import device, versions
from ae_optax.lab.figures import Line, draw_line, fit_value_axis, make_panels, spread_of
from ae_optax.lab.plans import RunConfig

WORK = Path("runs/speedrun")


class Workshop:
    """Makes what is missing, and writes each log as soon as there is more for it.

    Args:
        logs: Where the logs are.
        work: Where states are kept on the way.
        until: When to stop, as ``time.monotonic()`` tells it.
        resume: Whether to go on with what was left unfinished.
        lanes: How many runs a program makes side by side.
        extra: Overrides of every config, for small variants.
    """

    def __init__(
        self,
        *,
        logs: Path = HERE,
        work: Path = WORK,
        until: float = math.inf,
        resume: bool = False,
        lanes: int = 1,
        extra: Mapping[str, Sequence[str]] | None = None,
    ):
        self.logs, self.work = logs, work
        self.until, self.resume, self.lanes, self._extra = until, resume, lanes, extra or {}
        self._benches: dict[str, Bench] = {}

    def config(self, track: str, overrides: Iterable[str]) -> RunConfig:
        return config_of(track, [*overrides, *self._extra.get(track, ())])

    def config_of_entry(self, entry: Entry) -> RunConfig:
        return self.config(entry.track, overrides_of(entry))

    def bench(self, track: str, settings: Sequence[str]) -> Bench:
        """Return a track with its data; the last one stays in memory."""
        name = f"{track} {' '.join(settings)}"
        if name not in self._benches:
            self._benches.clear()
            rule = read_rules().tracks[track]
            config, more = self.config(track, settings), None
            if "each_corruption_on" in rule:
                changes = [] if self._extra else rule["each_corruption_on"]
                more = each_corruption(config, self.config(track, changes))
            self._benches[name] = Bench(config, more)
        return self._benches[name]

    def entry(self, entry: Entry, *, logs: Path | None = None, most: int | None = None) -> None:
        """Make the seeds of an entry that its log lacks, at most the first so many.

        Raises:
            OutOfTimeError: If the time was over before.
        """
        config = self.config_of_entry(entry)
        own = identity(config)
        path = (logs or self.logs) / "records" / f"{entry.name}.json"
        head = {"entry": entry.name, "config": runs.run_id(own), "identity": own}
        log = read_log(path)
        same = log is not None and not changed(log["identity"], own, said_by(entry))
        done = log["runs"] if log is not None and same else []
        missing = sorted(
            set(range(entry.seeds if most is None else min(most, entry.seeds)))
            - {run["seed"] for run in done}
        )
        for seeds in batched(missing, self.lanes):
            lanes = [Lane(seed) for seed in seeds]
            done = [*done, *self._run(entry.track, (), config, lanes, entry.name)]
            write_log(path, head | {"runs": sorted(done, key=lambda run: run["seed"])})

    def tune(self, tuning: Tuning, name: str) -> None:
        """Make the trials of an optimizer that the log of a tuning lacks.

        Raises:
            OutOfTimeError: If the time was over before.
        """
        path = self.logs / "tuning" / f"{tuning.track}.json"
        fixed = [*tuning.settings, f"training.epochs={tuning.epochs}"]
        trials = tuning.optimizers[name]["trials"]

        def of_name(log):
            return [run for run in (log or {"runs": []})["runs"] if run["optimizer"] == name]

        made = [run["trial"] for run in of_name(read_log(path))]
        missing = [trial for trial in trials if trial not in made]
        for group in grouped(missing):
            for several in batched(group, self.lanes):
                # Numbers become arguments, so that one compiled program serves all of a group.
                lanes = [Lane(tuning.seed, numbers(trial)) for trial in several]
                overrides = overrides_of_trial(tuning, name, several[0])
                config = self.config(tuning.track, [*overrides, *fixed])
                found = self._run(tuning.track, tuning.settings, config, lanes, f"{name}-tuning")
                log = read_log(path) or {"runs": []}
                for trial, run in zip(several, found, strict=True):
                    run.pop("values", None)
                    log["runs"].append({"optimizer": name, "trial": trial, **run})
                write_log(path, {"track": tuning.track, "runs": log["runs"]})

    def _run(self, track, settings, config, lanes, name):
        own = identity(config)
        folder = self.work / f"{track}-{runs.run_id(own | {'lanes': [str(x) for x in lanes]})}"
        if not self.resume:
            shutil.rmtree(folder, ignore_errors=True)
        bench = self.bench(track, settings)
        who = f"{track} {name} {[x.seed for x in lanes]} {[dict(x.values) for x in lanes]}"
        print(f"{time.strftime('%H:%M:%S')} {who}", flush=True)
        found = bench.run(
            config,
            lanes,
            folder=folder,
            identity={"config": runs.run_id(own)},
            until=self.until,
            tell=lambda line: print(f"  {line}", flush=True),
        )
        shutil.rmtree(folder, ignore_errors=True)
        where = versions() | {"device": device(), "threads": threads()}
        return [run | {"where": where} for run in found]


def numbers(trial: Mapping[str, Any]) -> dict[str, float]:
    return {path: value for path, value in trial.items() if isinstance(value, float)}


def grouped(trials: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Put trials together that differ in numbers at the same places only."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for trial in trials:
        rest = {k: "number" if isinstance(v, float) else v for k, v in sorted(trial.items())}
        groups.setdefault(str(rest), []).append(trial)
    return list(groups.values())


def batched(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def threads() -> int:
    """Return on how many cores this process may compute."""
    has = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has else os.cpu_count() or 1


def judged(shop: Workshop) -> dict[str, dict[str, Any]]:
    """Return of every entry its objections, and why each of its claims holds or does not."""
    rules, entries = read_rules(), read_entries()
    logs = {entry.name: log_of(shop, entry.name) for entry in entries}
    found = {}
    for entry in entries:
        if entry.optimizer is None:
            continue
        try:
            config = shop.config_of_entry(entry)
        except ValueError as error:
            found[entry.name] = {"objections": [str(error)], "claims": []}
            continue
        log = logs[entry.name]
        epochs = config.training.epochs
        why = objections(entry, log, config=identity(config), epochs=epochs)
        claims, baseline = [], logs.get(baseline_of(entry, entries) or "")
        if log is not None and not why:
            for claim in entry.claims:
                sigma = sigma_of(baseline, claim.score, seeds=rules.significance["sigma_seeds"])
                claims.append(against(entry, claim, log, sigma, rules.significance))
        found[entry.name] = {"objections": why, "claims": claims}
    return found


def baseline_of(entry: Entry, entries: Iterable[Entry]) -> str | None:
    """Return the name of the baseline of the same track and length."""
    of = (entry.track, "baseline", entry.epochs)
    return next((one.name for one in entries if (one.track, one.status, one.epochs) == of), None)


def log_of(shop: Workshop, name: str) -> dict[str, Any] | None:
    return read_log(shop.logs / "records" / f"{name}.json")


def check(shop: Workshop) -> int:
    """Print the verdict on every entry; return 1 if one claims what is not so, else 0."""
    found, failed = judged(shop), False
    for entry in read_entries():
        if entry.name not in found:
            print(f"{entry.name}: open. {entry.tried}")
            continue
        verdict = found[entry.name]
        against_it = [*verdict["objections"], *filter(None, verdict["claims"])]
        # What claims nothing may be unfinished.
        claims = entry.status in ("record", "refuted")
        wrong = claims and bool(verdict["objections"] if entry.status == "refuted" else against_it)
        if entry.status == "refuted" and None in verdict["claims"]:
            wrong, against_it = True, [*against_it, "a claim that is called refuted holds."]
        failed |= wrong
        said = "; ".join(against_it) or "as it says."
        print(f"{entry.name} ({entry.status}): {'NOT ' if wrong else ''}{said}")
    return int(failed)


def replay(shop: Workshop, name: str) -> int:
    """Make a record again from nothing, and compare; return 1 if it is another."""
    (entry,) = [entry for entry in read_entries() if entry.name == name]
    log = log_of(shop, name)
    if log is None:
        raise SystemExit(f"{name}: there is no log to compare with.")
    again = shop.work / "replays"
    (again / "records" / f"{name}.json").unlink(missing_ok=True)
    shop.entry(entry, logs=again)
    new = read_log(again / "records" / f"{name}.json")
    assert new is not None
    score = read_rules().tracks[entry.track]["score"]
    old, found = (np.array(scores_of(one, score), float) for one in (log, new))
    spread = float(np.std(old, ddof=1)) if len(old) > 1 else 0.0
    print(f"{score}, recorded: {old.tolist()}\n{score}, replayed: {found.tolist()}")
    if np.array_equal(old, found, equal_nan=True):
        print("Equal to the last digit kept.")
        return 0
    off = abs(old.mean() - found.mean())
    sigmas = read_rules().significance["sigmas"]
    allowed = sigmas * spread * math.sqrt(2 / len(old))
    print(f"The means differ by {off:.3g}; two sets of seeds would by up to {allowed:.3g}.")
    return int(not off <= allowed)  # A seed that diverged in one of them only: not a number.


def check_data(shop: Workshop) -> int:
    """Measure what is known of the data and the metrics, and keep it."""
    images = shop.config("E", ()).data.build()
    train, test = (
        np.reshape(x, (len(x), -1)).astype(np.float64) for x in (images.train, images.test)
    )

    def entropy(x):
        terms = [np.where(p > 0, -p * np.log(np.where(p > 0, p, 1)), 0) for p in (x, 1 - x)]
        return float(np.sum(terms[0] + terms[1], axis=1).mean())

    def error(components):
        again = study.pca(images.train, components)(images.test).reshape(test.shape)
        return float(np.square(test - again).sum(axis=1).mean())

    found = {
        "pca_30_test_squared_error": error(30),
        "pca_64_test_mse": error(64) / test.shape[1],
        "zero_logits_cross_entropy": test.shape[1] * math.log(2),
        "train_entropy": entropy(train),
        "test_entropy": entropy(test),
    }
    found = {name: study.rounded(value, digits=6) for name, value in found.items()}
    print(found)
    write_log(shop.logs / "checks.json", found)
    return 0


QUICK = ("D", "G")


def measure(quick: bool) -> study.Measured:
    """Gather what was measured; if quick, measure a tiny variant first."""
    shop, rules = Workshop(), read_rules()
    if quick:
        logs = WORK.parent / "experiments" / "speedrun" / "logs"
        extra = {
            track: [*rule["quick"], "training.epochs=2"] for track, rule in rules.tracks.items()
        }
        shop = Workshop(logs=logs, work=logs / "work", extra=extra, lanes=3)
        # Reversed, so that of entries of a kind the first stays.
        firsts = {(one.track, kind_of(one.name)): one for one in reversed(read_entries())}
        for entry in firsts.values():
            if entry.track in QUICK and entry.optimizer is not None:
                shop.entry(entry, most=shop.lanes)
    entries = {entry.name: entry for entry in read_entries()}
    verdicts = judged(shop)
    found: dict[str, Any] = {"entries": {}, "tuning": {}, "checks": read_checks(shop)}
    for name in entries:
        log = log_of(shop, name)
        if log is not None:
            one = facts(log) | {"verdict": verdicts[name]}
            found["entries"][name] = one | {"again": again(entries[name], one)}
    for track in rules.tracks:
        log = read_log(shop.logs / "tuning" / f"{track}.json")
        if log is not None:
            found["tuning"][track] = trials_of(log)
    setup = {
        "rules": rules._asdict(),
        "tracks": {track: identity(config_of(track, ())) for track in rules.tracks},
        "entries": {name: said(entry) for name, entry in entries.items()},
        "tuning": {
            path.stem: read_tuning(path.stem, HERE)._asdict()
            for path in sorted((HERE / "tuning").glob("*.yaml"))
        },
    }
    most = max((entry.seeds for entry in entries.values()), default=0)
    return study.Measured(setup, found, list(range(most)))


def said(entry: Entry) -> dict[str, Any]:
    told = {k: v for k, v in vars(entry).items() if k != "name" and v}
    if entry.published:
        told["published"] = [vars(row) for row in entry.published]
    return told | {"claims": [vars(claim) for claim in entry.claims]}


def read_checks(shop: Workshop) -> dict[str, Any]:
    return {k: v for k, v in (read_log(shop.logs / "checks.json") or {}).items() if k != "format"}


def facts(log: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page needs of a log."""
    made = log["runs"]
    table = {
        name: np.array([run["scores"][name] for run in made], float) for name in made[0]["scores"]
    }
    seconds = [run["evaluations"][-1]["seconds"] for run in made]
    steps = made[0]["evaluations"][-1]["step"]
    curves = [[row["test_loss"] for row in run["evaluations"]] for run in made]
    whole = {len(curve) for curve in curves} == {len(curves[0])}
    return {
        "seeds": len(made),
        "diverged": diverged(log),
        "each": {name: study.rounded(x, digits=6) for name, x in table.items()},
        "steps": steps,
        "mean": {name: study.rounded(x.mean(), digits=6) for name, x in table.items()},
        "deviation": {
            name: study.rounded(x.std(ddof=1), digits=3) if len(x) > 1 else None
            for name, x in table.items()
        },
        "seconds": study.rounded(float(np.median(seconds)), digits=3),
        "milliseconds_a_step": study.rounded(1e3 * float(np.median(seconds)) / steps, digits=3),
        "state_megabytes": study.rounded(made[0]["state_bytes"] / 1e6, digits=3),
        "curve": {
            "step": [row["step"] for row in made[0]["evaluations"]],
            "seconds": [row["seconds"] for row in made[0]["evaluations"]],
            "test_loss": curves if whole else curves[:1],
        },
    }


def again(entry: Entry, one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was found after as many epochs as each published row that is made again.

    It is apart by the difference on test images, or on training images where only that is printed.
    """
    tests = np.mean(np.array(one["curve"]["test_loss"], float), axis=0)
    found = []
    for row in entry.published:
        if row.epochs > len(tests):
            continue
        train = one["mean"]["train_loss"] if row.epochs == len(tests) else None
        test = float(tests[row.epochs - 1])
        pairs = [(test, row.test), (train, row.train)]
        apart = [own - printed for own, printed in pairs if own is not None and printed is not None]
        far = study.rounded(apart[0], digits=2) if apart else None
        found.append({"train": train, "test": test, "apart": far})
    return found


def trials_of(log: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"optimizer": run["optimizer"], "trial": run["trial"], "scores": run["scores"]}
        for run in log["runs"]
    ]


def pictures(found: study.Measured) -> dict[str, study.Picture]:
    return {
        "by_step": losses(found, "step", "step", "by step"),
        "by_second": losses(found, "seconds", "seconds of training", "by second"),
    }


def losses(found: study.Measured, over: str, label: str, way: str) -> study.Picture:
    """Draw the test loss of every entry, a panel for each track."""
    tracks = {}
    for name, one in found.numbers["entries"].items():
        tracks.setdefault(found.setup["entries"][name]["track"], []).append((name, one))
    kinds = sorted({kind_of(name) for name in found.numbers["entries"]})
    panels = make_panels(
        [f"{track}: {found.setup['rules']['tracks'][track]['title']}" for track in tracks],
        columns=2,
        size=(330, 190),
        x=label,
        y="test loss",
        key=[(kinds.index(kind), kind) for kind in kinds],
        share_x=False,
        share_y=False,
    )
    for axes, several in zip(panels.axes, tracks.values(), strict=True):
        lines = []
        for name, one in several:
            curve = one["curve"]
            spread = spread_of(np.array(curve["test_loss"], float))
            position = kinds.index(kind_of(name))
            lines.append(Line(position, "", np.array(curve[over]), spread))
        fit_value_axis(axes, [line.spread for line in lines], "")
        for line in lines:
            draw_line(axes, line, markers=False)
        axes.locator_params(axis="x", nbins=5)
    described = f"Test loss of every entry {way}, median and range of its seeds, for each track."
    return study.Picture(panels.figure, described)


def kind_of(name: str) -> str:
    """Return the optimizer that the name of an entry names: all of one kind look alike."""
    return name.split("_")[1]


def tables(found: study.Measured) -> dict[str, str]:
    return {
        "standing": standing(found),
        "goals": goals(found),
        "tuning": tunings(found),
        "again": made_again(found),
    }


def standing(found: study.Measured) -> str:
    heads = [
        "track", "entry", "seeds", "steps", "train", "test", "σ of a seed, test",
        "seconds", "ms a step", "state, MB", "claims",
    ]  # fmt: skip
    rows = []
    for name, one in found.numbers["entries"].items():
        entry = found.setup["entries"][name]
        score = found.setup["rules"]["tracks"][entry["track"]]["score"]
        train = one["mean"].get(score.replace("test_", "train_", 1))
        rows.append(
            [
                entry["track"],
                entry["says"],
                f"{one['seeds']} of {entry['seeds']}",
                f"{one['steps']}",
                number_or(train, 5),
                number_or(one["mean"][score], 5),
                number_or(one["deviation"][score], 2),
                f"{one['seconds']:g}",
                f"{one['milliseconds_a_step']:.3g}",
                f"{one['state_megabytes']:.3g}",
                verdict_in_words(entry, one["verdict"]),
            ]
        )
    return study.table(heads, rows)


def number_or(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return np.format_float_positional(value, precision=digits, fractional=False, trim="-")


def verdict_in_words(entry: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    if verdict["objections"]:
        return "incomplete"
    each = zip(entry["claims"], verdict["claims"], strict=True)
    return ", ".join(
        f"{'above' if claim['higher'] else 'below'} {claim['target']:g} "
        f"{'holds' if why is None else 'fails'}"
        for claim, why in each
    )


def goals(found: study.Measured) -> str:
    """Say of every goal the best that was found within its steps."""
    heads = ["track", "score", "goal", "within steps", "best found", "by, or what was tried"]
    tried = {
        one["track"]: one["tried"] for one in found.setup["entries"].values() if "tried" in one
    }
    rows = []
    for track, rule in found.setup["rules"]["tracks"].items():
        for goal in rule["goals"]:
            reached = [
                (one["mean"][goal["score"]], name)
                for name, one in found.numbers["entries"].items()
                if found.setup["entries"][name]["track"] == track
                and one["steps"] <= goal["steps"]
                and one["mean"].get(goal["score"]) is not None
            ]
            best = (max if rule.get("higher") else min)(reached, default=None)
            rows.append(
                [
                    track,
                    goal["score"].replace("_", " "),
                    f"{goal['target']:g}",
                    f"{goal['steps']}",
                    "open" if best is None else f"{best[0]:.5g}",
                    tried.get(track, "")
                    if best is None
                    else found.setup["entries"][best[1]]["says"],
                ]
            )
    return study.table(heads, rows)


def made_again(found: study.Measured) -> str:
    """Say of every published row that was made again how far it is from what was found."""
    heads = ["entry", "epochs", "train, published", "found", "test, published", "found", "apart"]
    rows = []
    for name, one in found.numbers["entries"].items():
        entry = found.setup["entries"][name]
        for row, made in zip(entry.get("published", ()), one["again"], strict=False):
            rows.append(
                [
                    entry["says"],
                    f"{row['epochs']}",
                    number_or(row["train"], 5),
                    number_or(made["train"], 5),
                    number_or(row["test"], 5),
                    number_or(made["test"], 5),
                    number_or(made["apart"], 2),
                ]
            )
    return study.table(heads, rows)


def tunings(found: study.Measured) -> str:
    """Say of every optimizer what was chosen, and how far the other trials are from it."""
    heads = ["track", "optimizer", "trials", "chosen", "selected on", "its value", "of the others"]
    rows = []
    for track, trials in found.numbers["tuning"].items():
        selection = found.setup["tuning"][track]["selection"]
        for name in dict.fromkeys(trial["optimizer"] for trial in trials):
            own = [trial for trial in trials if trial["optimizer"] == name]
            known = [trial for trial in own if trial["scores"][selection] is not None]
            best, *others = sorted(known, key=lambda trial: trial["scores"][selection])
            settings = (f"{k.rpartition('.')[2]} {v:g}" for k, v in best["trial"].items())
            ends = [f"{others[i]['scores'][selection]:.4g}" for i in (0, -1)] if others else []
            rows.append(
                [
                    track,
                    f"`{name}`",
                    f"{len(own)}",
                    ", ".join(settings).replace("max_value", "peak"),
                    selection.replace("_", " "),
                    f"{best['scores'][selection]:.4g}",
                    "–".join(ends),
                ]
            )
    return study.table(heads, rows)


def main(argv: Sequence[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="experiments/speedrun/run.py", add_help=False)
    for flag in ("--check", "--check-data"):
        parser.add_argument(flag, action="store_true")
    for option in ("--record", "--tune", "--track", "--only"):
        parser.add_argument(option)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--threads", type=int, default=1)
    options, rest = parser.parse_known_args(argv)
    if hasattr(os, "sched_setaffinity"):  # Before JAX makes its threads.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    if not any((options.check, options.check_data, options.record, options.tune, options.track)):
        study.run(__file__, measure, pictures=pictures, tables=tables, argv=rest)
        return 0
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    jax.config.update("jax_platforms", {"cpu": "cpu", "gpu": "cuda"}[options.device])
    shop = Workshop(
        until=time.monotonic() + 60 * options.minutes,
        resume=options.resume,
        lanes=1 if options.device == "cpu" else 16,
    )
    try:
        return work(shop, options)
    except OutOfTimeError:
        print("The time is over; --resume goes on from here.")
        return 0


def work(shop: Workshop, options: argparse.Namespace) -> int:
    if options.check:
        return check(shop)
    if options.check_data:
        return check_data(shop)
    if options.record:
        return replay(shop, options.record)
    for track in read_rules().tracks:
        this = (track, "all")
        if options.tune in this and (HERE / "tuning" / f"{track}.yaml").exists():
            tuning = read_tuning(track)
            for name in [options.only] if options.only else tuning.optimizers:
                shop.tune(tuning, name)
        for entry in read_entries() if options.track in this else ():
            wanted = entry.track == track and options.only in (None, entry.name)
            if wanted and entry.optimizer is not None:
                shop.entry(entry, most=options.seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
