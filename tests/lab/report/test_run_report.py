"""Reports of training runs."""

import json
import re

import numpy as np
import pytest
from made_up_runs import fill_run, rows_of

from ae_optax.lab.report import labels_of, write_run_report, write_runs_report
from ae_optax.lab.report._runs_page import MOST
from ae_optax.lab.runs import StepLog


def words(path):
    return " ".join(re.sub(r"<[^>]*>", " ", path.read_text("utf-8")).split())


def heads(path):
    return re.findall(r"<h2>(.*?)</h2>", path.read_text("utf-8"))


def axes_of(path):
    return set(re.findall(r">([^<>]+)</text>", path.read_text("utf-8")))


def test_shows_losses_schedule_metrics_images_and_where_they_come_from(tmp_path):
    path = write_run_report(fill_run(tmp_path))
    assert heads(path) == [
        "Loss by step and by time",
        "Schedules and steps",
        "Metrics",
        "Reconstructions",
        "Samples",
        "Codes",
        "Time and memory",
        "Reproducibility",
    ]
    assert axes_of(path) >= {
        "loss", "steps", "seconds of training", "learning rate", "norm of the gradient",
        "test PSNR (dB)", "code 1", "code 2", "training",
    }  # fmt: skip
    text = words(path)
    assert "Test loss 0.200 after 50 steps; the lowest, 0.100, was in epoch 3." in text
    assert "Steps per second 50.0" in text
    assert "ae-optax train run.yaml" in text
    assert "optimizer: adam" in text
    assert "0123abcd" in text


def test_shows_single_steps_where_they_were_recorded(tmp_path):
    fill_run(tmp_path)
    warmup = {"step": np.arange(1, 41), "loss": np.ones(40), "learning_rate": np.arange(1, 41) / 40}
    StepLog(tmp_path).write(warmup)
    path = write_run_report(tmp_path)
    assert heads(path)[1] == "Single steps"
    assert axes_of(path) >= {"loss of the batch", "learning rate"}


@pytest.mark.parametrize(
    "losses",
    [
        [0.2],
        [0.2, None],
        [None],
        [0.1, 0.0, -1.0],
        [],
    ],
    ids=["one epoch", "diverged", "never finite", "not positive", "no epoch"],
)
def test_draws_a_loss_whatever_it_did(tmp_path, losses):
    path = write_run_report(fill_run(tmp_path, rows=rows_of(losses)))
    assert "Reproducibility" in heads(path)
    assert ("Diverged after" in words(path)) == bool(losses and losses[-1] is None)


def test_leaves_out_what_was_not_recorded(tmp_path):
    rows = [
        {k: None if k == "validation_loss" else v for k, v in row.items() if "_norm" not in k}
        | {"learning_rate": 0.1}
        for row in rows_of([0.3, 0.2])
    ]
    path = write_run_report(fill_run(tmp_path, rows=rows, only=("originals", "reconstructions")))
    assert not {"Schedules and steps", "Samples", "Codes"} & set(heads(path))


def test_same_files_give_the_same_bytes(tmp_path):
    first = write_run_report(fill_run(tmp_path)).read_bytes()
    assert write_run_report(tmp_path).read_bytes() == first


def test_several_runs_are_set_side_by_side_best_first(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    fill_run(folders[0], rows=rows_of([0.5, 0.4]))
    fill_run(folders[1], rows=rows_of([0.5, 0.3]), config="optimizer: sgd\n")
    path = tmp_path / "report.html"
    write_runs_report(folders, path)
    text = path.read_text("utf-8")
    assert re.findall(r'<th scope="row">.*?</svg>(.*?)</th>', text) == ["b", "a"]
    assert {"a", "b", "test loss", "training loss", "validation loss"} <= axes_of(path)
    assert "-optimizer: adam" in text
    assert "+optimizer: sgd" in text
    assert "b, error 4" in text
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_runs_of_different_losses_are_not_ranked_together(tmp_path):
    configs = {"a": "mse", "b": "sse", "c": "mse"}
    for (name, loss), last in zip(configs.items(), (0.3, 20.0, 0.2), strict=True):
        config = f"data:\n  name: digits\nloss:\n  name: {loss}\noptimizer: adam\n"
        fill_run(tmp_path / name, rows=rows_of([last]), config=config)
    path = tmp_path / "report.html"
    write_runs_report([tmp_path / name for name in configs], path)
    text = path.read_text("utf-8")
    assert re.findall(r'<th scope="row">.*?</svg>(.*?)</th>|<h3>(digits.*?)</h3>', text)[:5] == [
        ("", "digits, name: mse"), ("c", ""), ("a", ""), ("", "digits, name: sse"), ("b", ""),
    ]  # fmt: skip
    assert "not ranked together" in text
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_many_runs_that_jump_up_and_down_make_a_small_page_soon(tmp_path):
    generator, n = np.random.default_rng(0), 120
    folders = [tmp_path / f"run{i}" for i in range(n)]
    for folder in folders:
        fill_run(folder, rows=rows_of((10 ** generator.uniform(-3, 0, 50)).tolist()))
    path = tmp_path / "report.html"
    write_runs_report(folders, path)
    text = path.read_text("utf-8")
    assert text.count('<th scope="row">') == n
    assert text.count('class="who"') == 2 * (
        MOST + 1
    )  # Reconstructions, samples; originals, inputs.
    assert len(text) < 600_000
    assert len(axes_of(path) & {folder.name for folder in folders}) == MOST  # Above the codes.


def test_a_long_run_and_large_images_make_a_small_page(tmp_path):
    fill_run(tmp_path, rows=rows_of(np.linspace(1, 0.1, 20_001).tolist()))
    images = np.random.default_rng(0).random((2, 500, 300, 3), dtype=np.float32)
    pictures = dict.fromkeys(("originals", "inputs", "reconstructions"), images)
    np.savez(tmp_path / "images.npz", **pictures)
    path = write_run_report(tmp_path)
    assert path.stat().st_size < 1_500_000
    assert re.search(r"Test loss 0\.100 after 200.?010 steps", words(path))


def test_runs_on_other_images_are_not_set_beside_each_other(tmp_path):
    folders = [fill_run(tmp_path / name, seed=i) for i, name in enumerate("ab")]
    write_runs_report(folders, tmp_path / "report.html")
    assert "b, error 4" not in (tmp_path / "report.html").read_text("utf-8")


def test_a_run_that_was_lost_at_once_is_last(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    fill_run(folders[0], rows=rows_of([None]))
    fill_run(folders[1], rows=rows_of([0.5]))
    write_runs_report(folders, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert re.findall(r'<th scope="row">.*?</svg>(.*?)</th>', text) == ["b", "a"]


def test_folders_of_one_name_are_told_apart_by_as_much_of_their_paths_as_that_takes(tmp_path):
    paths = [tmp_path / name for name in ("x/z/run", "y/z/run", "w/run", "other")]
    assert labels_of(paths) == ["x/z/run", "y/z/run", "w/run", "other"]


def test_tells_nothing_of_the_disk_it_was_made_on(tmp_path):
    config = "data:\n  name: arrays\n  file: /home/ann/secret/faces.npz\n"
    folder = fill_run(tmp_path / "run", config=config)
    summary = json.loads((folder / "summary.json").read_text())
    summary["command"] = "ae-optax train /home/ann/secret/run.yaml --out C:\\secret\\runs"
    summary["data"]["source"] = "/home/ann/secret/faces.npz"
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "images.npz").write_bytes(b"torn")
    write_runs_report([folder], tmp_path / "runs.html")
    for page in (write_run_report(folder), tmp_path / "runs.html"):
        text = page.read_text("utf-8")
        assert "secret" not in text
        assert str(tmp_path) not in text
    assert "ae-optax train …/run.yaml --out …/runs" in text
    assert "file: …/faces.npz" in text


def test_a_key_names_only_what_is_drawn(tmp_path):
    rows = [row | {"validation_loss": None} for row in rows_of([0.3, 0.2])]
    text = write_run_report(fill_run(tmp_path, rows=rows)).read_text("utf-8")
    key = re.search(r'<div class="key".*?</div>', text)
    assert key is not None
    assert re.findall(r"([a-z]+)</span>", key[0]) == ["training", "test"]


@pytest.mark.parametrize("beta", ["1.0", "\n    name: linear\n    end: 1.0"])
def test_a_warm_up_of_the_divergence_is_not_read_as_overfitting(tmp_path, beta):
    config = f"loss:\n  name: negative_elbo\n  beta: {beta}\noptimizer: adam\n"
    text = words(write_run_report(fill_run(tmp_path, config=config)))
    assert ("losses of different epochs are not comparable" in text) == ("linear" in beta)


def test_executes_nothing_that_the_user_wrote(tmp_path):
    evil = "<script>alert(1)</script>"
    fill_run(tmp_path, config=f"# {evil}\n")
    summary = json.loads((tmp_path / "summary.json").read_text())
    summary["command"] = summary["device"] = summary["data"]["name"] = evil
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    text = write_run_report(tmp_path).read_text("utf-8")
    assert "<script" not in text
    write_runs_report([tmp_path], tmp_path / "runs.html")
    assert "<script" not in (tmp_path / "runs.html").read_text("utf-8")


def test_copes_with_outputs_that_are_not_finite(tmp_path):
    fill_run(tmp_path)
    with np.load(tmp_path / "images.npz") as file:
        images = dict(file)
    images["reconstructions"][:] = np.nan
    images["codes"][:] = np.inf
    np.savez(tmp_path / "images.npz", **images)
    assert "Output, error 4" in write_run_report(tmp_path).read_text("utf-8")


def test_raises_on_what_is_missing_or_torn(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"summary\.json"):
        write_run_report(tmp_path)
    fill_run(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match=r"metrics\.jsonl:1: must hold JSON"):
        write_run_report(tmp_path)


def test_a_torn_last_line_of_the_log_is_left_out(tmp_path):
    fill_run(tmp_path, rows=rows_of([0.3, 0.2]))
    with (tmp_path / "metrics.jsonl").open("a") as log:
        log.write('{"epoch": 3, "st')
    assert "Test loss 0.200 after 20 steps" in words(write_run_report(tmp_path))


def test_a_run_that_was_cut_off_is_shown_as_far_as_it_went(tmp_path):
    fill_run(tmp_path, rows=[])
    (tmp_path / "images.npz").unlink()
    (tmp_path / "metrics.jsonl").unlink()
    summary = json.loads((tmp_path / "summary.json").read_text()) | {"status": "running"}
    for name in ("seconds", "compile_seconds", "started", "seeds", "data"):
        del summary[name]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert "No epoch is done yet." in words(write_run_report(tmp_path))
    write_runs_report([tmp_path], tmp_path / "runs.html")
    assert "running" in words(tmp_path / "runs.html")
