"""What is told, whoever reads it: nothing raises, nothing has power over a terminal."""

import ast
import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ae_optax.lab import cli, report
from ae_optax.lab.cli import main
from ae_optax.lab.cli._progress import progress
from ae_optax.lab.cli._terminal import plain, safe_streams, say

LABEL = r"=x [/red] \e[31m Ω"
COMPARISON = f"""\
data: {{name: digits, validation: 100, test: 100}}
model: {{name: mlp_autoencoder, hidden: [], code: 2}}
loss: {{name: mse}}
training: {{epochs: 1, batch_size: 512}}
compare:
  learning_rates: [1e-3, 1e-2]
  contenders: [{{optimizer: {{name: sgd}}, label: "{LABEL}"}}]
"""


@contextlib.contextmanager
def written(encoding="utf-8", tty=False):
    """Give a function that returns what was printed to a stream of an encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    stream.isatty = lambda: tty
    with contextlib.redirect_stdout(stream), safe_streams():
        yield lambda: stream.buffer.getvalue().decode(encoding)


def test_only_one_file_writes():
    folder = Path(cli.__file__).parent
    calls = {
        (path.name, node.func.id)
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {file for file, name in calls if name == "print"} == {"_terminal.py"}


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "ρ² ≥ 3 × 数 …\n"),
        ("cp1252", "rho² >= 3 × ? …\n"),
        ("ascii", "rho2 >= 3 x ? ...\n"),
    ],
)
def test_a_character_that_cannot_be_written_is_written_in_others(encoding, expected):
    with written(encoding) as text:
        say("ρ² ≥ 3 × 数 …")
        assert text() == expected


def test_what_controls_a_terminal_is_spelled_out():
    assert plain("a\x1b]0;owned\x07\r\x9b2J\u202eb\n\tc") == (
        r"a\x1b]0;owned\x07\r\x9b2J\u202eb" + "\n\tc"
    )


class Deaf:
    """What some development environments put in place of a stream."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class Full(io.StringIO):
    def write(self, _):
        raise OSError(28, "No space left on device")


class Broken(io.StringIO):
    def write(self, _):
        raise RuntimeError("the window is gone")


@pytest.mark.parametrize("stream", [None, Full(), Broken()])
def test_a_stream_that_takes_nothing_ends_nothing(stream):
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        assert main(["list", "losses"]) == 0
        assert main(["list", "nothing"]) == 2


def test_a_stream_that_knows_nothing_of_terminals_is_written_to():
    with contextlib.redirect_stdout(Deaf()) as stream:
        assert main(["list", "losses"]) == 0
    assert "bce_mean" in stream.text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")  # noqa: PTH110
def test_a_full_disk_behind_the_output_and_closed_streams_are_no_error():
    command = f'"{sys.executable}" -m ae_optax list losses >/dev/full 2>&- <&-'
    assert subprocess.run(["bash", "-c", command]).returncode == 0


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def advance_once(text, **more):
    with written(tty=True, **more) as shown:
        with progress(3, "epochs") as advance:
            advance(text, line="one line")
        return shown()


@pytest.mark.usefixtures("terminal")
def test_eighty_columns_have_room_for_bar_count_time_and_losses():
    text = "train 0.01234  test 0.01345  rate 0.01  123 steps/s  4567 images/s"
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", advance_once(text)).split("\r")[-2]
    assert re.search(r"━ +1/3 epochs +\S+ left train 0\.01234  test 0\.01345", last)


@pytest.mark.usefixtures("terminal")
def test_a_label_is_no_markup_and_no_command():
    shown = advance_once("[/red] \x1b[31m")
    assert r"[/red] \x1b[31m" in shown


def test_a_terminal_that_can_do_nothing_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert advance_once("text") == "one line\n"


def test_a_report_that_fails_costs_neither_table_nor_record(tmp_path, monkeypatch, capsys):
    (tmp_path / "c.yaml").write_text(COMPARISON)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "write_report", lambda _: 1 / 0)
    with written("ascii") as text:
        assert main(["compare", "c.yaml", "--out", "c"]) == 1
    shown = text()
    assert re.search(r"\n=x \[/red\] \\x1b\[31m Omega *\|0\.\d+", shown), shown
    assert "6 runs in" in shown
    assert "the report could not be made: ZeroDivisionError" in capsys.readouterr().err
    assert (tmp_path / "c" / "comparison.json").exists()
    # A spreadsheet evaluates what begins with an equals sign.
    assert (tmp_path / "c" / "table.csv").read_text().splitlines()[1].startswith("'=x [/red]")
