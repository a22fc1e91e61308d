"""The verdict table on the terminal and as CSV."""

import csv
import io

import pytest
from made_up import as_record, with_telemetry
from rich.console import Console

from ae_optax.lab.report import terminal_table, write_epochs, write_runs, write_table


def printed(comparison, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(terminal_table(as_record(comparison)))
    return console.file.getvalue()


def rows(comparison, tmp_path):
    write_table(as_record(comparison), tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_fits_the_terminal(comparison, width):
    lines = printed(comparison, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)


def test_ranks_contenders_and_gives_the_verdict(comparison):
    text = printed(comparison, 140)
    names = [line.split("  ")[0].strip() for line in text.splitlines()[2:7]]
    assert names == ["rmsprop", "adam", "momentum", "sgd", "clipped lion"]
    assert "rmsprop has the lowest median test loss" in text
    assert "1 ↑" in text
    assert "clipped lion: ValueError" in text


def test_leaves_out_columns_where_there_is_no_room(comparison):
    assert "B/par." in printed(comparison, 140)
    narrow = printed(comparison, 60)
    assert "B/par." not in narrow
    assert "final" in narrow
    assert "rate" in narrow


def test_says_why_times_are_left_out_and_leaves_them_out(comparison):
    assert "ms/step" in printed(comparison, 140)
    text = printed(comparison | {"times_left_out": "Times are left out: load moved."}, 140)
    assert "Times are left out: load moved." in text
    assert not {"ms/step", "s/run", "comp."} & set(text.split())
    assert "B/par." in text


def test_shows_a_label_as_it_is(comparison):
    comparison["contenders"][0]["label"] = "[bold]adam[/]"
    assert "[bold]adam[/]" in printed(comparison, 140)


def test_names_a_contender_that_always_diverged(comparison):
    adam = comparison["contenders"][0]
    adam["best"] = None
    assert "adam: Diverged in 4 of its 27 runs, at every learning rate" in printed(comparison, 140)
    for run in adam["runs"]:
        run["diverged"] = True
    assert "adam: Diverged in all of its 27 runs." in printed(comparison, 140)


def test_csv_has_every_contender_and_full_numbers(comparison, tmp_path):
    table = rows(comparison, tmp_path)
    assert [row["contender"] for row in table][-1] == "clipped lion"
    best = comparison["contenders"][3]["best"]
    assert table[0]["contender"] == "rmsprop"
    assert float(table[0]["final_test_median"]) == best["final_test"]["median"]
    assert float(table[0]["learning_rate"]) == best["learning_rate"]
    assert float(table[0]["diverged_share"]) == best["diverged_share"]
    assert table[0]["runs"] == "27"


def test_csv_leaves_empty_what_is_absent(comparison, tmp_path):
    last = rows(comparison, tmp_path)[-1]
    assert last["failure"] == "ValueError: `b1` must lie in [0, 1), got 2."
    assert last["final_test_median"] == last["learning_rate"] == last["diverged_share"] == ""


def test_csv_quotes_what_needs_it(comparison, tmp_path):
    comparison["contenders"][3]["label"] = 'rms,"prop"\nnew'
    assert rows(comparison, tmp_path)[0]["contender"] == 'rms,"prop"\nnew'


def csv_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_interval_ranks_and_window(comparison, tmp_path):
    best = comparison["contenders"][3]["best"]
    row = rows(comparison, tmp_path)[0]
    assert float(row["final_test_interval_lowest"]) == best["interval"][0]
    assert float(row["final_test_interval_highest"]) == best["interval"][1]
    assert [float(row[f"rank_{end}"]) for end in ("place", "lowest", "highest")] == [1, 1, 2]
    assert float(row["usable_decades"]) == best["usable_decades"]


def test_csv_has_every_run(comparison, tmp_path):
    write_runs(as_record(with_telemetry(comparison)), tmp_path / "runs.csv")
    table = csv_rows(tmp_path / "runs.csv")
    runs = [run for contender in comparison["contenders"] for run in contender["runs"]]
    assert len(table) == len(runs)
    for row, run in zip(table, runs, strict=True):
        assert float(row["learning_rate"]) == run["learning_rate"]
        assert row["diverged"] == str(run["diverged"])
        last = run["test_loss"][-1]
        assert row["test_loss"] == ("" if last is None else str(last))
        assert row["learning_rate_in_force"] == str(run["rows"]["learning_rate"][-1])


def test_csv_has_every_epoch_and_the_untrained_model(comparison, tmp_path):
    comparison["contenders"] = comparison["contenders"][:1]
    write_epochs(as_record(comparison), tmp_path / "epochs.csv")
    table = csv_rows(tmp_path / "epochs.csv")
    run = comparison["contenders"][0]["runs"][0]
    assert len(table) == 27 * 21
    assert [row["step"] for row in table[:3]] == ["0", "11", "22"]
    assert float(table[0]["test_loss"]) == run["test_loss"][0]
    assert table[0]["train_loss"] == table[0]["learning_rate_in_force"] == ""
    assert float(table[20]["train_loss"]) == run["train_loss"][-1]
    assert float(table[20]["learning_rate_in_force"]) == run["rows"]["learning_rate"][-1]


def test_names_what_was_tuned_beside_the_rate(comparison, tmp_path):
    adam = comparison["contenders"][0]
    for run in adam["runs"]:
        run["values"] = {"b2": 0.9, "mu_dtype": None}
    adam["best"] |= {"values": {"b2": 0.9, "mu_dtype": None}, "value_edges": {"b2": "lowest"}}
    assert "0.00316, b2 0.9 ↓, mu_dtype null" in printed(comparison, 160)
    assert "adam did best with b2 0.9, the lowest number it was given there" in " ".join(
        printed(comparison, 200).split()
    )
    assert rows(comparison, tmp_path)[1]["values"] == '{"b2": 0.9, "mu_dtype": null}'
    write_runs(as_record(comparison), tmp_path / "runs.csv")
    head, first, *_ = (tmp_path / "runs.csv").read_text().splitlines()
    assert head.startswith("contender,learning_rate,b2,mu_dtype,seed,")
    assert first.startswith("adam,0.0001,0.9,null,0,")
