"""What the benchmark keeps: tracks, rules, entries and their logs; the one owner of its files."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ae_optax.lab import plans, runs
from ae_optax.lab.config import Problems, Where, anything, parse, read_text

HERE = Path(__file__).parent
FORMAT = 1
INNERMOST = re.compile(r"\{[^{}]*\}")
Status = Literal["baseline", "record", "measured", "refuted", "open"]
"""What an entry is: where sigma of its track and length comes from; a claim that holds; a
measurement without a claim; a claim that does not hold; or something that was not reached, with
what was tried."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """That the mean of a score over the seeds is beyond a target.

    Attributes:
        score: ``test_loss``, ``train_loss`` or a metric, ``test_fvu`` for instance.
        target: The level.
        higher: Whether more is better.
    """

    score: str
    target: float
    higher: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """What others print of the same optimizer, after so many epochs of the track.

    Attributes:
        epochs: How many.
        train: The training loss, if they print it.
        test: The test loss, if they print it.
    """

    epochs: int
    train: float | None = None
    test: float | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One YAML file of ``records/``.

    Attributes:
        name: That of the file.
        track: A letter.
        status: See :data:`Status`.
        says: What it is, for people.
        seeds: How many, counted from 0: none can be left out.
        optimizer: A mapping as in any config, or ``{tuned: NAME}``: what the tuning of the track,
            or of another, ``{tuned: NAME, on: TRACK}``, chose of that name; ``None`` for what was
            not run.
        epochs: How long; ``None``: as long as the track.
        claims: What it claims.
        published: Rows that it makes again.
        tried: What was tried, for what was not reached.
    """

    name: str
    track: str
    status: Status
    says: str
    seeds: int = 0
    optimizer: Mapping[str, Any] | None = None
    epochs: int | None = None
    claims: Sequence[Claim] = ()
    published: Sequence[Row] = ()
    tried: str = ""

    def __post_init__(self) -> None:
        """Check what a file may say."""
        if self.status not in get_args(Status):
            raise ValueError(f"`status` must be one of {get_args(Status)}, got {self.status!r}.")
        if (self.status == "open") != (self.optimizer is None):
            raise ValueError(
                f"`optimizer` must be left out of what is open, and only there, got the status "
                f"{self.status!r} and {self.optimizer!r}."
            )
        if self.status in ("record", "refuted") and not self.claims:
            raise ValueError(f"`claims` must say what is claimed by a {self.status}, got none.")


class Tuning(NamedTuple):
    """One YAML file of ``tuning/``: the budget of a track, the same for every optimizer.

    Attributes:
        track: A letter.
        seed: Of every trial; no entry counts as far.
        epochs: Of every trial.
        settings: Overrides of the track: images held back.
        selection: The score that the best trial has the lowest of.
        trials: How many every optimizer has.
        optimizers: By name: ``optimizer``, a mapping, and ``trials``, what each changes in it.
    """

    track: str
    seed: int
    epochs: int
    settings: Sequence[str]
    selection: str
    trials: int
    optimizers: Mapping[str, Mapping[str, Any]]


def overrides_of(entry: Entry, folder: Path = HERE) -> list[str]:
    """Return what an entry changes in the config of its track: optimizer and length, no more."""
    changes = [f"training.epochs={entry.epochs}"] if entry.epochs else []
    if entry.optimizer is None or "tuned" not in entry.optimizer:
        return [f"optimizer={json.dumps(entry.optimizer)}", *changes]
    tuning = read_tuning(entry.optimizer.get("on", entry.track), folder)
    name = entry.optimizer["tuned"]
    return [*overrides_of_trial(tuning, name, chosen(tuning, name, folder)), *changes]


def overrides_of_trial(tuning: Tuning, name: str, trial: Mapping[str, Any]) -> list[str]:
    """Return what a trial changes in the config of its track: the optimizer."""
    values = [f"{path}={json.dumps(value)}" for path, value in trial.items()]
    return [f"optimizer={json.dumps(tuning.optimizers[name]['optimizer'])}", *values]


def read_tuning(track: str, folder: Path = HERE) -> Tuning:
    """Read the tuning of a track.

    Raises:
        ValueError: If an optimizer has more trials than another, or fewer.
    """
    path = folder / "tuning" / f"{track}.yaml"
    tuning = Tuning(track=track, **read_yaml(path))
    for name, one in tuning.optimizers.items():
        if len(one["trials"]) != tuning.trials:
            raise ValueError(
                f"{path}: `{name}` must have {tuning.trials} trials as all have, got "
                f"{len(one['trials'])}."
            )
    return tuning


def chosen(tuning: Tuning, name: str, folder: Path) -> Mapping[str, Any]:
    """Return the best trial of an optimizer, by the selection of the file.

    Raises:
        ValueError: If trials are missing.
    """
    path = folder / "tuning" / f"{tuning.track}.json"
    made = [run for run in (read_log(path) or {"runs": []})["runs"] if run["optimizer"] == name]
    if len(made) < tuning.trials:
        raise ValueError(
            f"{path}: `{name}` must have its {tuning.trials} trials, got {len(made)}. Make them "
            f"with --tune {tuning.track}."
        )
    scores = [run["scores"][tuning.selection] for run in made]
    best = min(range(len(made)), key=lambda i: float("inf") if scores[i] is None else scores[i])
    return made[best]["trial"]


class Rules(NamedTuple):
    """What was written down before anything was measured.

    Attributes:
        significance: ``sigmas``, ``fewest_seeds`` and ``sigma_seeds``.
        tracks: By letter: title, scores, published rows, goals, and what its config cannot say.
    """

    significance: Mapping[str, Any]
    tracks: Mapping[str, Mapping[str, Any]]


def read_yaml(path: Path) -> Any:
    """Read a file as configs are read: 1e-3 is a number."""
    problems = Problems()
    root = parse(read_text(path), Where(str(path), 1, 1), problems)
    problems.raise_if_any()
    assert root is not None
    return anything(root)


def read_rules(folder: Path = HERE) -> Rules:
    return Rules(**read_yaml(folder / "rules.yaml"))


def read_entry(path: Path) -> Entry:
    """Read an entry.

    Raises:
        ValueError: If it says what an entry does not; the message begins with the file.
    """
    said = read_yaml(path)
    try:
        claims = [Claim(**claim) for claim in said.pop("claims", ())]
        rows = [Row(**row) for row in said.pop("published", ())]
        return Entry(name=path.stem, claims=claims, published=rows, **said)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def read_entries(folder: Path = HERE) -> list[Entry]:
    return [read_entry(path) for path in sorted((folder / "records").glob("*.yaml"))]


def config_of(track: str, overrides: Sequence[str], folder: Path = HERE) -> plans.RunConfig:
    """Return the config of a track with some of it changed."""
    return plans.load_run(folder / "tracks" / f"{track}.yaml", overrides)


def identity(config: plans.RunConfig) -> dict[str, Any]:
    """Return all that decides the numbers of an entry, whatever the seed."""
    plain = config.identity()
    return plain | {"training": {k: v for k, v in plain["training"].items() if k != "seed"}}


def said_by(entry: Entry, folder: Path = HERE) -> set[str]:
    """Return the names of all arguments that an entry gives."""
    optimizer = entry.optimizer or {}
    if "tuned" not in optimizer:
        return set(_keys(optimizer))
    tuning = read_tuning(optimizer.get("on", entry.track), folder)
    one = tuning.optimizers[optimizer["tuned"]]
    paths = [path.rpartition(".")[2] for trial in one["trials"] for path in trial]
    return {*_keys(one["optimizer"]), *paths}


def _keys(value: Any) -> Iterator[str]:
    for key, item in value.items() if isinstance(value, Mapping) else ():
        yield key
        yield from _keys(item)
    for item in value if isinstance(value, list) else ():
        yield from _keys(item)


def changed(was: Any, now: Any, said: Set[str], path: str = "") -> list[str]:
    """Return the places in which a config differs from that of a log.

    An argument that functions have got since, and that nobody has given, is as it always was.

    Args:
        was: The config in the log.
        now: That of the entry, every default written.
        said: The arguments that the entry gives.
        path: Of both.
    """
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        keys = [k for k in {**was, **now} if k in was or k in said]
        pairs = [(f"{path}.{k}", was.get(k, ...), now.get(k, ...)) for k in keys]
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = [(f"{path}[{i}]", *each) for i, each in enumerate(zip(was, now, strict=True))]
    else:
        return [] if was == now else [path.removeprefix(".")]
    return [place for where, old, new in pairs for place in changed(old, new, said, where)]


def read_log(path: Path) -> dict[str, Any] | None:
    """Read the log of an entry, or of a tuning; ``None`` if nothing was measured yet.

    Raises:
        ValueError: If it has another format.
    """
    if not path.exists():
        return None
    log = json.loads(path.read_text(encoding="utf-8"))
    if log.get("format") != FORMAT:
        raise ValueError(f"{path}: `format` must be {FORMAT}, got {log.get('format')!r}.")
    return log


def write_log(path: Path, log: Mapping[str, Any]) -> None:
    """Write a log whole or not at all, every evaluation on a line of its own."""
    text = json.dumps({"format": FORMAT, **log}, indent=1, allow_nan=False)
    text = INNERMOST.sub(lambda found: re.sub(r"\s+", " ", found[0]), text)
    path.parent.mkdir(parents=True, exist_ok=True)
    runs.write_file(path, f"{text}\n")
