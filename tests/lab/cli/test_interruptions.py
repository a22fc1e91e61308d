"""Commands that are killed, asked to stop, or run out of disk, and the same command again."""

import dataclasses
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from typing import NamedTuple

import numpy as np
import pytest

from ae_optax.lab import runs
from ae_optax.lab.checkpoints._restore import manifest_of

pytestmark = pytest.mark.slow

EPOCHS, STEPS = 60, 240
RUN = f"""\
# Question: is it the same run in the end?
data: {{name: digits, validation: 100, test: 100}}
model: {{name: mlp_autoencoder, hidden: [], code: 2}}
loss: {{name: mse}}
optimizer: {{name: adam, learning_rate: 1e-2}}
training: {{epochs: {EPOCHS}, batch_size: 512}}
checkpoints: {{every_steps: 3}}
"""

COMPARISON = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [], code: 2}
loss: {name: mse}
training: {epochs: 1, batch_size: 512}
compare:
  learning_rates: [1e-3, 1e-2]
  contenders: [{optimizer: {name: sgd}}]
"""


class Ended(NamedTuple):
    code: int
    out: str
    err: str
    at: float  # Seconds of `time.time`.


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return os.environ | {"AE_OPTAX_COMPILATION_CACHE": str(cache), "JAX_PLATFORMS": "cpu"}


@pytest.fixture
def start(environment, tmp_path):
    """Return a function that starts the program, perhaps changed by some Python beforehand."""
    (tmp_path / "run.yaml").write_text(RUN)

    def start(*arguments, first="", prefix=(), **more):
        program = "import sys\nfrom ae_optax.lab.cli import main\nsys.exit(main())"
        code = f"{textwrap.dedent(first)}\n{program}"
        return subprocess.Popen(
            [*prefix, sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start):
    """Return a function that runs the program and returns how it ended."""

    def run(*arguments, **options):
        with start(*arguments, **options) as process:
            out, err = process.communicate()
        return Ended(process.returncode, out, err, time.time())

    return run


@pytest.fixture(scope="module")
def whole(environment, tmp_path_factory):
    """The folder of a run that nothing has interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "run.yaml").write_text(RUN)
    command = [sys.executable, "-m", "ae_optax", "train", "run.yaml", "--out", "out"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "out"


TRAIN = ("train", "run.yaml", "--out", "out")


def saved_steps(folder):
    names = (path.name for path in (folder / "checkpoints").glob("*"))
    return sorted(int(name) for name in names if re.fullmatch(r"\d+", name))


def hashes(folder, step):
    leaves = manifest_of(folder / "checkpoints", step).leaves
    return {name: leaf.sha256 for name, leaf in leaves.items()}


def rows(folder):
    return [dataclasses.replace(row, seconds=0.0) for row in runs.read_rows(folder)]


def assert_same_run(folder, whole):
    assert saved_steps(folder)[-1] == saved_steps(whole)[-1] == STEPS
    assert hashes(folder, STEPS) == hashes(whole, STEPS)
    assert rows(folder) == rows(whole)
    with np.load(folder / "images.npz") as images, np.load(whole / "images.npz") as expected:
        for name in expected:
            np.testing.assert_array_equal(images[name], expected[name])
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["status"], summary["step"]) == ("done", STEPS)


def test_a_run_on_a_file_read_in_use_killed_in_mid_epoch_ends_as_one_in_memory(
    start, run, tmp_path
):
    images = np.random.default_rng(0).integers(0, 256, (1160, 8, 8), np.uint8)
    np.save(tmp_path / "images.npy", images)
    for name in ("stream", "arrays"):
        held = f"{{name: {name}, path: images.npy, validation: 100, test: 100}}"
        text = RUN.replace("{name: digits, validation: 100, test: 100}", held)
        (tmp_path / f"{name}.yaml").write_text(text.replace("512", "64").replace("60", "15"))
    assert run("train", "arrays.yaml", "--out", "arrays").code == 0
    out, stops = tmp_path / "stream", []
    for _ in range(3):
        enough = (saved_steps(out) or [0])[-1] + 20
        with start("train", "stream.yaml", "--out", "stream") as process:
            while process.poll() is None and (saved_steps(out) or [0])[-1] < enough:
                time.sleep(0.002)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        stops.append(saved_steps(out)[-1] % 15)
    assert any(stops)  # Fifteen steps are an epoch.
    assert run("train", "stream.yaml", "--out", "stream").code == 0
    assert rows(out) == rows(tmp_path / "arrays")
    assert hashes(out, 225) == hashes(tmp_path / "arrays", 225)


def test_a_run_killed_ten_times_ends_as_one_that_was_not(start, run, whole, tmp_path):
    chance = random.Random(0)
    out = tmp_path / "out"
    for _ in range(10):
        before, new = saved_steps(out)[-1:], chance.randint(1, 3)
        enough = (before or [0])[0] + 3 * new
        with start(*TRAIN) as process:
            while process.poll() is None and (saved_steps(out) or [0])[-1] < enough:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.05))
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert json.loads((out / "summary.json").read_text())["status"] == "running"
    code, printed, err, _ = run(*TRAIN)
    assert (code, err) == (0, "")
    assert re.match(r"taken up after epoch \d+/60\n", printed)
    assert_same_run(out, whole)


SIGNAL = """
    import os, signal, sys, time

    def send(*_):
        print("sent", time.time(), file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.{name})

    def before(place, name, number=3, times=1):
        original, calls = getattr(place, name), []

        def act(*arguments, **options):
            calls.append(1)
            if len(calls) == number:
                for _ in range(times):
                    send()
            return original(*arguments, **options)

        setattr(place, name, act)

"""
PHASES = {
    "step": """
    import threading
    from ae_optax.lab.training._fit import Pace
    kill, send = send, lambda: threading.Timer(1e-3, kill).start()
    before(Pace, "saw")
""",
    "evaluation": """
    from ae_optax.lab.training import _fit
    before(_fit, "make_row")
""",
    "save": """
    from ae_optax.lab.checkpoints._writer import Writer
    before(Writer, "write")
""",
}
CODES = {"SIGTERM": 143, "SIGINT": 130}


def check_interrupted(result, name, out):
    assert result.code == CODES[name], result.err
    sent = [line for line in result.err.splitlines() if line.startswith("sent")]
    told = [line for line in result.err.splitlines() if line not in sent]
    assert told == ["stopping: the run is saved and can be taken up again by the same command"]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert saved_steps(out)[-1] == summary["step"] < STEPS
    assert (out / "report.html").exists()
    assert result.at - float(sent[0].split()[1]) < 5


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", CODES)
def test_a_signal_saves_the_run_and_ends_it(run, whole, tmp_path, name, phase):
    first = textwrap.dedent(SIGNAL.format(name=name)) + textwrap.dedent(PHASES[phase])
    check_interrupted(run(*TRAIN, first=first), name, tmp_path / "out")
    assert run(*TRAIN).code == 0
    assert_same_run(tmp_path / "out", whole)


def test_a_second_signal_during_the_save_changes_nothing(run, whole, tmp_path):
    first = textwrap.dedent(SIGNAL.format(name="SIGTERM")) + textwrap.dedent("""
        from ae_optax.lab.checkpoints._writer import Writer
        before(Writer, "write", 3)
        before(Writer, "write", 4, times=2)
    """)
    check_interrupted(run(*TRAIN, first=first), "SIGTERM", tmp_path / "out")
    assert run("train", "--resume", "out").code == 0
    assert_same_run(tmp_path / "out", whole)


LIMITED = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""


@pytest.mark.parametrize("size", [3000, 12000])  # The log is the first to be full; or the figures.
def test_a_full_disk_ends_a_run_with_one_message_and_it_can_be_taken_up(run, whole, tmp_path, size):
    first = LIMITED.format(size=size)
    code, _, err, _ = run(*TRAIN, first=first, AE_OPTAX_COMPILATION_CACHE="off")
    assert code == 1
    lines = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, err
    assert "File too large" in lines[0]
    code, _, err, _ = run(*TRAIN)
    assert (code, err) == (0, "")
    assert_same_run(tmp_path / "out", whole)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_the_same_seed_gives_the_same_bits_on_one_core_and_on_all(run, whole, tmp_path):
    one = min(os.sched_getaffinity(0))
    for first in ("", f"import os; os.sched_setaffinity(0, {{{one}}})"):
        assert run(*TRAIN, first=first).code == 0
        assert_same_run(tmp_path / "out", whole)
        shutil.rmtree(tmp_path / "out")


NO_NETWORK = """
    import socket

    def refuse(self, address):
        raise OSError(101, "Network is unreachable", str(address))

    socket.socket.connect = socket.socket.connect_ex = refuse
"""


@pytest.mark.parametrize("name", CODES)
def test_a_comparison_ends_at_once_whatever_runs(start, tmp_path, name):
    (tmp_path / "long.yaml").write_text(COMPARISON.replace("epochs: 1,", "epochs: 1000000,"))
    with start("compare", "long.yaml", "--out", "c") as process:
        while not (tmp_path / "c" / "config.yaml").exists():
            time.sleep(0.1)
        time.sleep(10)  # Programs are compiled, and one runs.
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (CODES[name], "stopped\n")
    assert not list(tmp_path.glob("runs/*/summary.json"))


def test_a_comparison_needs_no_network(run, tmp_path):
    (tmp_path / "compare.yaml").write_text(COMPARISON)
    unshare = shutil.which("unshare")
    alone = [unshare, "-n"] if unshare else ["false"]
    permitted = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    prefix = alone if permitted else []
    code, _, err, _ = run("compare", "compare.yaml", "--out", "c", first=NO_NETWORK, prefix=prefix)
    assert code == 0, err
    assert (tmp_path / "c" / "report.html").exists()
