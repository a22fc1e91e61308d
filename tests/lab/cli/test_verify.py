"""Damage in run folders: found by ``verify``, told in one line by others, mended by ``train``."""

import json
import re
import shutil

import pytest
from marks import slow

from ae_optax.lab import runs
from ae_optax.lab.cli import main

CONFIG = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
training: {epochs: 3, batch_size: 512}
"""
TRAIN = "optimizer: {name: adam, learning_rate: 1e-2}\n"
SWEEP = f"{TRAIN}sweep: {{over: {{optimizer.learning_rate: [1e-3, 1e-2]}}, seeds: 1}}\n"
COMPARE = "compare: {seeds: 1, contenders: [{optimizer: {name: adam}, learning_rates: [1e-2]}]}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs of all kinds, to be copied."""
    folder = tmp_path_factory.mktemp("made")
    for kind, section in {"train": TRAIN, "sweep": SWEEP, "compare": COMPARE}.items():
        (folder / f"{kind}.yaml").write_text(CONFIG + section)
        out = folder / "runs" if kind == "sweep" else folder / "runs" / kind
        assert main([kind, str(folder / f"{kind}.yaml"), "--out", str(out)]) == 0
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "made")


def change_digit(path):
    """Change the last digit of the first loss."""
    path.write_text(re.sub(r"(\"train_loss\": [\d.]+)(\d)", lambda m: m[1] + str(9 - int(m[2])),
                           path.read_text(), count=1))  # fmt: skip


def lose_a_row(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def repeat_a_row(path):
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[-1])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


DAMAGE = {
    "a digit of the log": ("metrics.jsonl", change_digit),
    "a row that is gone": ("metrics.jsonl", lose_a_row),
    "a row that is there twice": ("metrics.jsonl", repeat_a_row),
    "an empty log": ("metrics.jsonl", lambda path: path.write_text("")),
    "a log that is gone": ("metrics.jsonl", lambda path: path.unlink()),
    "a byte of the pictures": ("images.npz", flip_a_byte),
}


def test_what_is_whole_is_told_so(folder, capsys):
    (sweep,) = (folder / "runs").glob("sweep-*")
    kinds = [str(folder / "runs" / "train"), str(folder / "runs" / "compare"), str(sweep)]
    assert main(["verify", *kinds]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [f"{path}: whole" for path in kinds]


@pytest.mark.parametrize(
    "what", ["a digit of the log", *slow(*sorted(set(DAMAGE) - {"a digit of the log"}))]
)
def test_what_is_damaged_is_found_and_made_anew_from_the_checkpoint(folder, capsys, what):
    name, harm = DAMAGE[what]
    run = folder / "runs" / "train"
    before = {one: (run / one).read_bytes() for one in ("metrics.jsonl", "images.npz")}
    harm(run / name)
    assert main(["verify", str(run)]) == 1
    assert f"{run / name}: " in capsys.readouterr().out
    assert main(["report", str(run)]) == (2 if name == "metrics.jsonl" else 0)
    error = capsys.readouterr().err
    assert error.startswith(f"{run / name}: ") == (name == "metrics.jsonl")
    assert main(["train", "--resume", str(run)]) == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"warning: {run / name}: ")
    assert main(["verify", str(run)]) == 0
    assert (run / "metrics.jsonl").read_bytes() == before["metrics.jsonl"]
    assert runs.read_pictures(run).keys() > {"originals", "reconstructions"}


@pytest.mark.slow
def test_a_checkpoint_of_another_run_is_told_in_one_line(folder, capsys):
    run = folder / "runs" / "train"
    (run / "summary.json").unlink()
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("hidden: [8]", "hidden: [9]"))
    assert main(["train", "--resume", str(run)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "this is the checkpoint of another run; the differences: " in line
    assert "saved float32[8], expected float32[9]" in line


@pytest.mark.parametrize("harm", [flip_a_byte, lambda path: path.unlink()])
def test_a_damaged_log_of_steps_is_found_and_left_out_of_the_report(folder, capsys, harm):
    run = folder / "runs" / "train"
    (run / "steps.csv").write_text("step,loss\n1,0.25\n2,0.125\n")
    runs.write_summary(run, runs.read_summary(run))
    assert main(["verify", str(run)]) == 0
    harm(run / "steps.csv")
    assert main(["verify", str(run)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{run / 'steps.csv'}: must be ")
    assert main(["report", str(run)]) == 0
    assert "Single steps cannot be shown" in (run / "report.html").read_text()
    assert capsys.readouterr().err == ""


def test_a_damaged_checkpoint_is_named_with_its_leaf(folder, capsys):
    run = folder / "runs" / "train"
    (step,) = (path for path in (run / "checkpoints").iterdir() if path.is_dir())
    data = max((path for path in step.rglob("*") if path.is_file()), key=lambda p: p.stat().st_size)
    flip_a_byte(data)
    assert main(["verify", str(run)]) == 1
    assert re.search(rf"{step}: .*(damaged|cannot be read)", capsys.readouterr().out)


def test_rows_that_are_damaged_beside_the_checkpoints_are_those_of_the_log(folder, capsys):
    run = folder / "runs" / "train"
    log = (run / "metrics.jsonl").read_bytes()
    change_digit(run / "checkpoints" / "history.jsonl")
    assert main(["verify", str(run)]) == 1
    assert "history.jsonl is damaged" in capsys.readouterr().out
    (run / "summary.json").unlink()  # As if the run had been killed.
    assert main(["train", "--resume", str(run)]) == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert "the log has them: history.jsonl is damaged" in warning
    assert (run / "metrics.jsonl").read_bytes() == log


def test_a_damaged_run_of_a_sweep_is_found_and_made_anew(folder, capsys):
    (sweep,) = (folder / "runs").glob("sweep-*")
    table = (sweep / "table.csv").read_text()
    run = folder / "runs" / runs.read_sweep(sweep).trials[0].runs[0].run
    change_digit(run / "metrics.jsonl")
    assert main(["verify", str(sweep)]) == 1
    assert f"{run / 'metrics.jsonl'}: " in capsys.readouterr().out
    assert main(["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "runs")]) == 0
    assert "The run is made anew" in capsys.readouterr().err
    assert (sweep / "table.csv").read_text() == table
    assert main(["verify", str(sweep)]) == 0


def test_the_runs_of_a_comparison_are_looked_into(folder, capsys):
    compare = folder / "runs" / "compare"
    (name,) = (run.run for run in runs.read_comparison(compare).contenders[0].runs)
    change_digit(folder / "runs" / name / "metrics.jsonl")
    assert main(["verify", str(compare)]) == 1
    assert f"{folder / 'runs' / name / 'metrics.jsonl'}: " in capsys.readouterr().out
    shutil.rmtree(folder / "runs" / name)
    assert main(["verify", str(compare)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert (
        line
        == f"{folder / 'runs' / name / 'summary.json'}: must be there, as {compare} tells of it."
    )


def test_a_summary_of_an_earlier_version_is_compared_by_its_last_row(folder, capsys):
    run = folder / "runs" / "train"
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"files": {}}))
    assert main(["verify", str(run)]) == 0
    lose_a_row(run / "metrics.jsonl")
    assert main(["verify", str(run)]) == 1
    assert "its last row must be of epoch 3 at step 12, as summary.json says, got epoch 2" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("content", [b"{}", b"[1]", b"null", b"\xff", b""])
@pytest.mark.parametrize("name", ["train/summary.json", "compare/comparison.json"])
def test_a_report_on_damaged_records_is_one_line(folder, capsys, name, content):
    path = folder / "runs" / name
    path.write_bytes(content)
    assert main(["report", str(path.parent)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(str(path))


@pytest.mark.parametrize("kind", ["train", "compare"])
def test_other_damage_is_one_line_too(folder, capsys, kind):
    run = folder / "runs" / kind
    (run / "report.html").unlink()
    (run / "report.html").mkdir()
    assert main(["report", str(run)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{run / 'report.html'}: Is a directory."
    (run / "report.html").rmdir()
    flip_a_byte(run / "images.npz")
    assert main(["report", str(run)]) == 0
    assert "The pictures cannot be shown" in (run / "report.html").read_text()
    (run / "config.yaml").write_bytes(b"a: \xff")
    assert main(["report", str(run)]) == 2
    assert f"{run / 'config.yaml'}:1: must be text" in capsys.readouterr().err


CONTRADICTIONS = {
    ("sweep", "trials"): ([], "`trials` must hold one at least"),
    ("sweep", "criterion"): ("x", "`criterion` must be one of train_loss, validation_loss"),
    ("compare", "epochs"): (0, "`epochs` must be at least 1, got 0"),
    ("compare", "seeds"): ([7], "`seeds` must be those of the runs"),
}


@pytest.mark.parametrize(("kind", "key"), CONTRADICTIONS)
def test_a_record_that_contradicts_itself_is_told_in_one_line(folder, capsys, kind, key):
    value, message = CONTRADICTIONS[kind, key]
    (record,) = (folder / "runs").glob("sweep-*/sweep.json" if kind == "sweep" else "*/comp*.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {key: value}))
    assert main(["verify", str(record.parent)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{record}: {message}")
    assert main(["runs", str(folder / "runs")]) == 0


@pytest.mark.parametrize(("losses", "error"), [([], "IndexError"), ([1e308] * 4, "OverflowError")])
def test_lists_of_a_record_that_do_not_fit_are_told_in_one_line(folder, capsys, losses, error):
    path = folder / "runs" / "compare" / "comparison.json"
    record = json.loads(path.read_text())
    record["contenders"][0]["runs"][0]["test_loss"] = losses
    path.write_text(json.dumps(record))
    assert main(["report", str(path.parent)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path.parent}: what is recorded contradicts itself: {error}: ")
