"""``ae-optax report`` and ``ae-optax tensorboard``."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from marks import slow
from PIL import Image

from ae_optax.lab import runs
from ae_optax.lab.cli import main
from ae_optax.lab.cli._progress import rate, speed

CONFIG = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
training: {epochs: 1, batch_size: 512}
compare:
  seeds: 1
  contenders:
    - optimizer: {name: adam}
      learning_rates: [1e-2]
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    (folder / "c.yaml").write_text(CONFIG)
    assert main(["compare", str(folder / "c.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    config = CONFIG.partition("compare:")[0] + "optimizer: {name: adam, learning_rate: 1e-2}\n"
    (folder / "t.yaml").write_text(config)
    assert main(["train", str(folder / "t.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("kind", ["compared", *slow("trained")])
def test_rebuilds_the_same_report(kind, request):
    folder = request.getfixturevalue(kind)
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_bytes() == before


def test_three_comparisons_get_a_performance_profile_and_two_do_not(compared, tmp_path, capsys):
    assert main(["report", *[str(compared)] * 3, "--out", str(tmp_path / "three")]) == 0
    assert "Performance profile" in (tmp_path / "three" / "report.html").read_text("utf-8")
    profile = json.loads((tmp_path / "three" / "profile.json").read_text())
    assert profile["steps"]["adam"]["score"] == 1
    assert f"Report: {tmp_path / 'three' / 'report.html'}" in capsys.readouterr().out
    assert main(["report", *[str(compared)] * 2, "--out", str(tmp_path / "two")]) == 0
    assert {path.name for path in (tmp_path / "two").iterdir()} == {"report.html"}


def test_training_runs_are_joined(trained, tmp_path):
    assert main(["report", str(trained), str(trained), "--out", str(tmp_path / "out")]) == 0
    assert "2 training runs" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_runs_beside_comparisons_are_left_out_with_a_word(compared, trained, capsys):
    (compared / "report.html").unlink()
    assert main(["report", str(compared), str(trained)]) == 0
    printed = capsys.readouterr()
    assert "1 training runs are left out beside comparisons: name them alone" in printed.err
    assert printed.out == f"Report: {compared / 'report.html'}\n"


def test_folders_without_a_run_are_refused(tmp_path, capsys):
    for command in ("report", "tensorboard"):
        assert main([command, str(tmp_path)]) == 2
        assert (
            "holds no run: there must be comparison.json or summary.json" in capsys.readouterr().err
        )


def test_what_holds_no_run_is_passed_over_among_others(trained, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "sweep").mkdir()
    places = [str(path) for path in (tmp_path / "notes.txt", trained, tmp_path / "sweep")]
    assert main(["report", *places]) == 0
    printed = capsys.readouterr()
    assert f"Report: {trained / 'report.html'}" in printed.out
    warnings = printed.err.splitlines()
    assert [line.split(": ")[1] for line in warnings] == [places[0], places[2]]


def test_a_folder_of_runs_is_listed(compared, trained, tmp_path, capsys):
    for name, folder in (("one", trained), ("two", compared)):
        (tmp_path / name).symlink_to(folder)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "summary.json").write_text("{")
    (tmp_path / "other").mkdir()
    for name in ("begun", "killed"):
        (tmp_path / name).mkdir()
        runs.write_summary(tmp_path / name, runs.Summary("running"))
    with runs.lock(tmp_path / "begun"):
        assert main(["runs", str(tmp_path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    told = {line[0]: line[1:] for line in lines if line}
    assert told.keys() > {"broken", "one", "two"}
    assert "other" not in told
    assert told["one"][:4] == ["run", "done", "epoch", "1"]
    assert told["two"][:3] == ["comparison", "done", "adam"]
    assert told["broken"][:2] == ["?", "damaged:"]
    assert told["begun"] == ["run", "running"]
    assert told["killed"] == ["run", "killed"]
    for name in ("one", "two"):
        assert 0 < float(told[name][-1]) < 1
    assert main(["runs", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: cannot be read" in capsys.readouterr().err


def test_a_page_that_lies_in_its_folder_has_no_other_place(compared, trained, tmp_path, capsys):
    for folder in (compared, trained):
        assert main(["report", str(folder), "--out", str(tmp_path / "x")]) == 2
        assert "--out is for the page of several runs" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_torn_run_is_refused(trained, tmp_path, capsys):
    (tmp_path / "summary.json").write_text("{")
    assert main(["report", str(tmp_path)]) == 2
    assert "summary.json:1: must hold JSON" in capsys.readouterr().err


def test_without_tensorboardx_the_way_out_is_named(trained, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    assert main(["tensorboard", str(trained)]) == 2
    assert "pip install 'ae_optax[tensorboard]'" in capsys.readouterr().err


def test_progress_shows_rate_and_throughput():
    assert rate(0.0123456) == "  rate 0.0123"
    assert rate(float("nan")) == ""
    assert speed(2.0, 100, 24_690) == "  50 steps/s  12.3k images/s"
    assert speed(0.5, 617, 2_500_000) == "  1234 steps/s  5.0M images/s"
    assert speed(0.0, 1, 1) == ""


def test_a_training_run_keeps_its_images(trained):
    with np.load(trained / "images.npz") as images:
        shown = {"originals", "inputs", "reconstructions", "codes", "code_width"}
        assert shown | {"labels", "classes"} == set(images)
        assert images["codes"].shape == (100, 2)


def test_a_sweep_has_a_report_of_its_own(tmp_path, capsys):
    config = CONFIG.partition("compare:")[0] + "optimizer: {name: adam, learning_rate: 1e-2}\n"
    swept = "sweep: {over: {optimizer.learning_rate: [1e-3, 1e-2]}, seeds: 1}\n"
    (tmp_path / "s.yaml").write_text(config + swept)
    assert main(["sweep", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "runs")]) == 0
    (folder,) = (tmp_path / "runs").glob("s-*")
    (folder / runs.LOCK).unlink()
    (folder / runs.LOCK).mkdir()
    capsys.readouterr()
    assert main(["sweep", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err.endswith(f"{folder / runs.LOCK}: Is a directory.\n")
    before = (folder / "report.html").read_bytes()
    assert b"What each value did" in before
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_bytes() == before
    (folder / "report.html").unlink()
    capsys.readouterr()
    everything = sorted(map(str, (tmp_path / "runs").iterdir()))
    assert main(["report", *everything, "--out", str(tmp_path / "all")]) == 0
    assert (folder / "report.html").read_bytes() == before
    assert "2 training runs" in (tmp_path / "all" / "report.html").read_text("utf-8")


def test_figures_and_tables_are_files_on_request(compared, capsys):
    before = (compared / "report.html").read_bytes()
    assert main(["report", str(compared), "--files"]) == 0
    assert (compared / "report.html").read_bytes() == before
    names = {path.name for path in (compared / "figures").iterdir()}
    stems = {name.rpartition(".")[0] for name in names}
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("svg", "png")}
    assert "test-loss-by-steps-at-each-best-learning-rate" in stems
    for stem in stems:
        root = ElementTree.parse(compared / "figures" / f"{stem}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        with Image.open(compared / "figures" / f"{stem}.png") as image:
            found = {tuple(rgb) for _, rgb in image.convert("RGB").getcolors(1 << 24)}
        assert (255, 255, 255) in found
        assert not {(192, 255, 224 + i) for i in range(8)} & found  # No sentinel is left.
    loss = next(path for path in (compared / "figures").glob("test-loss-by-steps*.svg"))
    assert "adam" in loss.read_text("utf-8")
    verdict = (compared / "tables" / "verdict.md").read_text("utf-8").splitlines()
    assert verdict[0].startswith("| Contender |")
    assert verdict[2].startswith("| adam |")
    tex = (compared / "tables" / "verdict.tex").read_text("utf-8")
    assert tex.startswith("\\begin{tabular}{lr")
    assert "\nadam & " in tex
    assert tex.isascii()
