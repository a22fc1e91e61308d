"""The benchmark: which claims hold, what a record is, what a track fixes."""

import json
import sys
from pathlib import Path

import pytest

from ae_optax.lab import runs

FOLDER = Path(__file__).parents[2] / "experiments" / "speedrun"
sys.path.insert(0, str(FOLDER))

import engine  # noqa: E402
import entries  # noqa: E402
import judge  # noqa: E402
import run as speedrun  # noqa: E402

RULES = entries.read_rules()
CLAIM = entries.Claim(score="test_loss", target=1.0)


def entry(**said):
    defaults = {"name": "D_x", "track": "D", "status": "record", "says": "x", "seeds": 3}
    return entries.Entry(**defaults | {"optimizer": {"name": "adam"}, "claims": [CLAIM]} | said)


CONFIG = {"optimizer": {"name": "adam", "b1": 0.9}, "data": ["a", "b"]}


def log_of(scores, *, config=CONFIG, epochs=2):
    made = [
        {
            "seed": seed,
            "evaluations": [{"step": 10 * (i + 1), "seconds": 1.0} for i in range(epochs)],
            "scores": {"test_loss": score},
        }
        for seed, score in scores.items()
    ]
    return {"identity": config, "runs": made}


def objections(scores, said=None, **log):
    return judge.objections(said or entry(), log_of(scores, **log), config=CONFIG, epochs=2)


@pytest.mark.parametrize("higher", [False, True])
def test_a_mean_must_be_beyond_its_target_by_sigma_times_309_over_the_root_of_the_seeds(higher):
    sign = -1 if higher else 1
    margin = 3.09 * 0.1 / 3**0.5

    def holds(off):
        scores = [sign * (1 - off + x) for x in (-0.01, 0.0, 0.01)]
        return judge.holds(scores, sign * 1.0, 0.1, sigmas=3.09, higher=higher)

    assert holds(1.001 * margin)
    assert not holds(0.999 * margin)


def test_a_whole_log_meets_no_objection():
    assert objections({0: 0.5, 1: 0.6, 2: 0.7}) == []


@pytest.mark.parametrize("seeds", [(0, 1), (0, 1, 3), (0, 2, 7), (0, 1, 2, 3), (0, 0, 1)])
def test_a_seed_that_was_left_out_or_chosen_is_an_objection(seeds):
    log = log_of(dict.fromkeys(range(len(seeds)), 0.5))
    for run, seed in zip(log["runs"], seeds, strict=True):
        run["seed"] = seed
    (why,) = judge.objections(entry(), log, config=CONFIG, epochs=2)
    assert "the seeds 0 to 2, each once and no other" in why


def test_runs_that_stopped_elsewhere_or_are_of_another_config_are_objections():
    scores = {0: 0.5, 1: 0.6, 2: 0.7}
    assert "must have stopped after 2 evaluations, not after 1" in objections(scores, epochs=1)[0]
    other = CONFIG | {"optimizer": {"name": "adam", "b1": 0.8}}
    assert "differs in optimizer.b1." in objections(scores, config=other)[0]
    assert judge.objections(entry(), None, config=CONFIG, epochs=2) == ["there is no log."]
    log = log_of(scores)
    log["runs"][2]["evaluations"][-1]["step"] = 30
    (why,) = judge.objections(entry(), log, config=CONFIG, epochs=2)
    assert "the same step" in why


def test_an_argument_that_came_later_matters_only_to_those_who_give_it():
    later = CONFIG | {"optimizer": CONFIG["optimizer"] | {"statistic": None}}
    assert entries.changed(CONFIG, later, {"name"}) == []
    assert entries.changed(CONFIG, later, {"statistic"}) == ["optimizer.statistic"]
    assert entries.changed(later, CONFIG, set()) == ["optimizer.statistic"]
    assert entries.changed(CONFIG, CONFIG | {"data": ["a", "c"]}, set()) == ["data[1]"]


def test_a_claim_needs_three_seeds_and_a_sigma_of_ten():
    rule = RULES.significance
    log = log_of({0: 0.5, 1: 0.6, 2: 0.7})
    assert judge.against(entry(), CLAIM, log, 0.1, rule) is None
    assert "is not beyond 1 by 3.09 sigma" in judge.against(entry(), CLAIM, log, 0.4, rule)
    assert "sigma is not known" in judge.against(entry(), CLAIM, log, None, rule)
    two = judge.against(entry(seeds=2), CLAIM, log, 0.1, rule)
    assert "2 seeds, fewer than 3" in two
    lost = log_of({0: 0.5, 1: None, 2: 0.7})
    assert judge.against(entry(), CLAIM, lost, 0.1, rule) == "seed 1 diverged."
    few, enough = (log_of({i: float(i) for i in range(n)}) for n in (9, 10))
    assert judge.sigma_of(few, "test_loss", seeds=10) is None
    assert judge.sigma_of(enough, "test_loss", seeds=10) == pytest.approx(3.02765)


def test_an_entry_says_what_it_may():
    with pytest.raises(ValueError, match="`status` must be one of"):
        entry(status="best")
    with pytest.raises(ValueError, match="`optimizer` must be left out of what is open"):
        entry(status="open")
    with pytest.raises(ValueError, match="`claims` must say what is claimed by a record"):
        entry(claims=[])


@pytest.mark.parametrize("track", RULES.tracks)
def test_an_entry_changes_the_optimizer_and_the_length_of_its_track_and_no_more(track):
    own = entries.identity(entries.config_of(track, []))
    said = entry(track=track, optimizer={"name": "adam", "learning_rate": 1e-3}, epochs=1)
    changed = entries.identity(entries.config_of(track, entries.overrides_of(said, FOLDER)))
    differ = {key for key in own | changed if own.get(key) != changed.get(key)}
    assert differ == {"optimizer", "training"}
    assert own["training"] | {"epochs": 1} == changed["training"]


def test_every_optimizer_of_a_tuning_has_as_many_trials(tmp_path):
    tunings = [entries.read_tuning(p.stem, FOLDER) for p in (FOLDER / "tuning").glob("*.yaml")]
    assert tunings
    for tuning in tunings:
        used = [e.seeds for e in entries.read_entries() if e.track == tuning.track]
        assert tuning.seed not in range(max(used, default=0))
    text = (FOLDER / "tuning" / "G.yaml").read_text().replace("trials: 6", "trials: 7")
    (tmp_path / "tuning").mkdir()
    (tmp_path / "tuning" / "G.yaml").write_text(text)
    with pytest.raises(ValueError, match="must have 7 trials as all have, got 6"):
        entries.read_tuning("G", tmp_path)


def test_a_log_is_read_as_it_was_written_with_a_line_for_every_evaluation(tmp_path):
    log = log_of({0: 0.5, 1: None})
    path = tmp_path / "records" / "D_x.json"
    entries.write_log(path, log)
    assert entries.read_log(path) == {"format": entries.FORMAT, **log}
    assert '{ "step": 20, "seconds": 1.0 }' in path.read_text()
    path.write_text(json.dumps({"format": 0}))
    with pytest.raises(ValueError, match="`format` must be 1, got 0"):
        entries.read_log(path)


TINY = {
    "G": [
        "data={name: planted, count: 300, inputs: 8, features: 16, active: 1}",
        "model={name: topk_dictionary, code: 16, k: 2}",
        "metrics=[]",
        "training.epochs=2",
    ]
}


def test_a_run_that_was_cut_off_ends_with_the_bits_of_one_that_was_not(tmp_path):
    said = entry(
        name="G_x", track="G", seeds=2, optimizer={"name": "momentum", "learning_rate": 1e-2}
    )
    whole = speedrun.Workshop(logs=tmp_path / "a", work=tmp_path / "w", extra=TINY)
    whole.entry(said)
    parts = {"logs": tmp_path / "b", "work": tmp_path / "w", "extra": TINY, "resume": True}
    with pytest.raises(engine.OutOfTimeError):  # After an epoch.
        speedrun.Workshop(**parts, until=0.0).entry(said)
    speedrun.Workshop(**parts).entry(said)

    def kept(folder):
        made = entries.read_log(tmp_path / folder / "records" / "G_x.json")["runs"]
        rows = [[(row["step"], row["test_loss"]) for row in run["evaluations"]] for run in made]
        return rows, [run["scores"] for run in made]

    assert kept("a") == kept("b")
    (rows, _), (one, other) = kept("a")
    assert [step for step, _ in rows] == [2, 4]
    assert one != other


def test_an_optimizer_that_waits_for_a_loss_is_refused(tmp_path):
    plateau = {"name": "reduce_on_plateau", "factor": 0.5, "patience": 1}
    chain = [{"name": "adam", "learning_rate": 1e-2}, plateau]
    said = entry(name="G_x", track="G", seeds=1, optimizer={"chain": chain})
    shop = speedrun.Workshop(logs=tmp_path / "logs", work=tmp_path / "w", extra=TINY)
    with pytest.raises(ValueError, match="`optimizer` must need no loss of held-back images"):
        shop.entry(said)


def test_the_entries_that_are_kept_are_what_they_say(capsys):
    assert speedrun.check(speedrun.Workshop()) == 0, capsys.readouterr().out


def test_the_hash_of_an_entry_does_not_know_its_seed():
    two = [entries.config_of("D", [f"training.seed={seed}"]) for seed in (0, 7)]
    one, other = (runs.run_id(entries.identity(config)) for config in two)
    assert one == other
