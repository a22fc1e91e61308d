"""The program of a study: what it measures, keeps, draws and tells."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from ae_optax.lab import study
from ae_optax.lab.figures import make_panels
from ae_optax.lab.runs import run_id

PAGE = "# Does it?\n\n<!-- found: written by run.py -->\nold\n<!-- end -->\n\n## What was seen\n"
SETUP = {"rates": [0.1, 1.0], "name": "made up"}


class Script:
    """A study in a folder of its own, which counts how often it measures."""

    def __init__(self, root):
        self.folder = root / "experiments" / "99_made_up"
        self.folder.mkdir(parents=True)
        self.page = self.folder / "README.md"
        self.page.write_text(PAGE)
        self.measured = []
        self.numbers = {"losses": [[0.25, None], [1, 2]], "deep": {"best": 0.25}}
        self.arrays = {}

    def measure(self, quick):
        self.measured.append(quick)
        return study.Measured(SETUP, self.numbers, seeds=(0, 1), arrays=self.arrays)

    def pictures(self, found):
        panels = make_panels(["a"], columns=1)
        panels.axes[0].plot(*np.array(found.numbers["losses"], float).T)
        return {"curve": study.Picture(panels.figure, "A curve.")}

    def tables(self, found):
        return {"found": study.table(["", "loss"], [["x", str(found.numbers["deep"]["best"])]])}

    def run(self, *argv):
        study.run(
            str(self.folder / "run.py"),
            self.measure,
            pictures=self.pictures,
            tables=self.tables,
            argv=argv,
        )

    @property
    def results(self):
        return json.loads((self.folder / "results.json").read_text())

    def files(self):
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Script(tmp_path)


def test_it_leaves_numbers_figures_and_a_table_beside_the_script(script, tmp_path):
    script.run()
    assert script.measured == [False]
    assert set(script.files()) == {"README.md", "results.json", "curve.svg"}
    assert script.page.read_text() == PAGE.replace(
        "old", "|  | loss |\n| --- | --: |\n| x | 0.25 |"
    )
    assert b'aria-label="A curve."' in script.files()["curve.svg"]
    assert not (tmp_path / "runs").exists()


def test_its_results_say_where_they_come_from(script):
    script.run()
    assert script.results["setup"] == SETUP
    assert script.results["numbers"] == script.numbers
    measured = script.results["measured"]
    assert measured["command"] == "python experiments/99_made_up/run.py"
    assert measured["seeds"] == [0, 1]
    assert measured["config"] == run_id(SETUP)
    assert measured["versions"].keys() >= {"jax", "python"}
    assert measured["device"].startswith("CPU")
    assert measured["date"][:2] == "20"
    assert measured["wall_seconds"] >= 0


def test_lists_of_plain_values_stand_on_one_line(script):
    script.numbers |= {"long": list(range(30)), "nested": [[1, None], ["a, b", 2.5]], "none": []}
    script.run()
    text = (script.folder / "results.json").read_text()
    assert f'"long": [ {", ".join(map(str, range(30)))} ]' in text
    assert "[ 1, null ]" in text
    assert '[ "a, b", 2.5 ]' in text
    assert script.results["numbers"] == script.numbers


def test_a_number_that_is_not_finite_is_an_error(script):
    script.numbers |= {"lost": float("nan")}
    with pytest.raises(ValueError, match="nan"):
        script.run()


def test_to_be_quick_leaves_the_page_alone(script, tmp_path, capsys):
    before = script.files()
    script.run("--quick")
    assert script.measured == [True]
    assert script.files() == before
    out = tmp_path / "runs" / "experiments" / "99_made_up"
    assert {path.name for path in out.iterdir()} == {"results.json", "curve.svg"}
    measured = json.loads((out / "results.json").read_text())["measured"]
    assert measured["command"] == "python experiments/99_made_up/run.py --quick"
    assert "| x | 0.25 |" in capsys.readouterr().out


def test_to_redraw_measures_nothing_and_gives_the_same_files(script):
    script.arrays = {"images": np.arange(4.0)}
    script.run()
    before = script.files()
    (script.folder / "curve.svg").unlink()
    script.page.write_text(PAGE)
    script.run("--redraw")
    assert script.measured == [False]
    assert script.files() == before


def test_arrays_are_kept_beside_the_numbers_and_found_again(script):
    script.arrays = {"images": np.arange(4.0)}
    script.run()
    seen = []
    script.pictures = lambda found: seen.append(found.arrays) or {}
    script.run("--redraw")
    np.testing.assert_array_equal(seen[0]["images"], np.arange(4.0))


def test_to_redraw_before_anything_was_measured_says_what_to_do(script):
    with pytest.raises(SystemExit, match=r"nothing was measured yet\. Run it without --redraw\."):
        script.run("--redraw")


@pytest.mark.parametrize("name", ["results.json", "arrays.npz"])
def test_to_redraw_what_is_damaged_says_what_to_do(script, name):
    script.arrays = {"images": np.arange(4.0)}
    script.run()
    (script.folder / name).write_text("{}")
    with pytest.raises(SystemExit, match=r"99_made_up: is damaged: .* Run it without --redraw\."):
        script.run("--redraw")


def test_a_terminal_that_lacks_letters_does_not_end_it(script, monkeypatch):
    script.numbers["deep"]["best"] = "ρ"
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    script.run()
    assert b"| x | rho |" in written.getvalue()
    assert "| x | ρ |" in script.page.read_text(encoding="utf-8")


def test_a_page_without_the_markers_of_a_block_is_an_error(script):
    script.page.write_text(PAGE.replace("found:", "other:"))
    with pytest.raises(ValueError, match=r"must hold `<!-- found: written by run\.py -->`"):
        script.run()


def test_a_mistyped_option_is_an_error(script):
    with pytest.raises(SystemExit):
        script.run("--quik")
    assert not script.measured


def test_without_arguments_of_its_own_it_reads_those_of_the_process(script):
    program = script.folder / "run.py"
    program.write_text(
        "from ae_optax.lab import study\n"
        "study.run(__file__, lambda quick: study.Measured({}, {'quick': quick}),\n"
        "          pictures=lambda _: {}, tables=lambda _: {})\n"
    )
    subprocess.run([sys.executable, program, "--quick"], check=True, capture_output=True)
    results = json.loads(
        (script.folder.parents[1] / "runs/experiments/99_made_up/results.json").read_text()
    )
    assert results["numbers"] == {"quick": True}
    assert results["measured"]["command"].endswith("run.py --quick")


def test_blocks_of_one_page_do_not_disturb_each_other(tmp_path):
    page = tmp_path / "README.md"
    block = "<!-- {0}: written by x.py -->\n{1}<!-- end -->\n"
    page.write_text(f"a\n{block.format('one', '')}b\n{block.format('two', 'old')}c\n")
    study.write_blocks(page, {"two": r"2 \1", "one": "1"})
    one, two = block.format("one", "1\n"), block.format("two", "2 \\1\n")
    assert page.read_text() == f"a\n{one}b\n{two}c\n"
