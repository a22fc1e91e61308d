"""What becomes of checkpoints when files are damaged, the disk is full or the run is another."""

import os
import shutil
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import psutil
import pytest
from checkpointed import assert_same_bits, leaf_bytes, state
from faults import full_disk, read_only

from ae_optax.lab.checkpoints import CheckpointError, Checkpoints


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A folder with steps 1 and 2."""
    folder = tmp_path_factory.mktemp("pristine")
    with Checkpoints(folder, identity={"data": "digits"}) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, state(step))
    return folder


@pytest.fixture
def folder(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "checkpoints")


def restore(folder):
    return Checkpoints(folder, identity={"data": "digits"}).restore(state())


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


# F5.


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def test_every_flipped_bit_of_the_data_is_detected_and_its_leaf_named(tmp_path, capfd):
    """The numbers are found on disk as they are in memory, so that the damage can be aimed."""
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, state(step, width=400))
    leaves = {
        name: numbers
        for name, (_, _, numbers) in leaf_bytes(state(2, width=400)).items()
        if name.startswith("['params']")
    }
    contents = {path: path.read_bytes() for path in (tmp_path / "2").rglob("d/*")}
    random = np.random.default_rng(0)
    for position in range(50):
        name, numbers = list(leaves.items())[position % len(leaves)]
        [data] = [path for path, content in contents.items() if numbers in content]
        flip(data, 8 * contents[data].index(numbers) + int(random.integers(8 * len(numbers))))
        restored = checkpoints.restore(state(width=400))
        assert_same_bits(restored.state, state(1, width=400))
        reason = f"{name} is damaged: its SHA-256 is not the one saved"
        assert restored.skipped == ((2, reason),)
        data.write_bytes(contents[data])
    assert checkpoints.restore(state(width=400)).step == 2
    assert capfd.readouterr() == ("", "")


def test_a_flipped_bit_anywhere_never_gives_wrong_numbers(folder):
    numbers = np.random.default_rng(1)
    for name in files(folder / "2"):
        path = folder / "2" / name
        content = path.read_bytes()
        for bit in numbers.integers(8 * len(content), size=3):
            flip(path, int(bit))
            restored = restore(folder)
            assert_same_bits(restored.state, state(restored.step))
            assert len(restored.skipped) == 2 - restored.step
            path.write_bytes(content)


# F6.


def damage(path, how):
    if how == "deleted":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size // 2 if how == "half" else 0)


@pytest.mark.parametrize("how", ["empty", "half", "deleted"])
def test_a_file_that_is_short_or_missing_never_gives_wrong_numbers(how, folder, capfd):
    used = []
    for name in files(folder / "2"):
        content = (folder / "2" / name).read_bytes()
        damage(folder / "2" / name, how)
        restored = restore(folder)
        assert_same_bits(restored.state, state(restored.step))
        assert [step for step, _ in restored.skipped] == [2] * (2 - restored.step)
        used.append(restored.step)
        (folder / "2" / name).write_bytes(content)
    assert 1 in used
    assert capfd.readouterr() == ("", "")


def test_when_all_are_damaged_one_error_says_how(folder):
    for path in folder.rglob("manifest/metadata"):
        path.write_text("{}")
    for path in (folder / "1").rglob("d/*"):
        path.unlink()
    with pytest.raises(CheckpointError, match="there is no intact checkpoint") as caught:
        restore(folder)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("  step 2: its manifest cannot be read")
    assert lines[2].startswith("  step 1: its manifest cannot be read")


def test_damaged_steps_are_replaced_after_they_were_skipped(folder):
    for path in (folder / "2").rglob("manifest/metadata"):
        path.unlink()
    with Checkpoints(folder, identity={"data": "digits"}) as checkpoints:
        restored = checkpoints.restore(state())
        checkpoints.discard_after(restored.step)
        checkpoints.save(2, state(2))
    assert restore(folder).step == 2


# F7.


def save_and_wait(checkpoints, step, saved):
    checkpoints.save(step, saved)
    checkpoints.wait()


@pytest.mark.parametrize("size", [0, 100, 1000, 20_000])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_full_disk_is_one_message_and_the_next_save_works(size, asynchronous, tmp_path, capfd):
    large = {"w": jnp.arange(10_000.0)}
    with Checkpoints(tmp_path, asynchronous=asynchronous) as checkpoints:
        checkpoints.save(1, large)
        checkpoints.wait()
        with full_disk(size), pytest.raises(CheckpointError, match="step 2 cannot be saved") as e:
            save_and_wait(checkpoints, 2, large)
        assert "File too large" in str(e.value)
        assert len(str(e.value).splitlines()) == 1
        checkpoints.wait()  # Told once.
        assert checkpoints.restore(large).step == 1
        checkpoints.save(2, large)
        assert checkpoints.restore(large).step == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    assert capfd.readouterr() == ("", "")


def test_a_failure_is_told_by_the_next_save_which_saves_nevertheless(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state(1))
        checkpoints.wait()
        with full_disk(0):
            checkpoints.save(2, state(2))
            while not checkpoints._pending.done():
                time.sleep(0.01)
        with pytest.raises(CheckpointError, match="step 2 cannot be saved"):
            checkpoints.save(3, state(3))
        checkpoints.wait()
        assert checkpoints.steps() == [1, 3]


def test_a_failure_to_save_does_not_hide_the_error_of_the_program(tmp_path):
    (tmp_path / "file").write_text("")

    def program():
        with Checkpoints(tmp_path / "file") as checkpoints:
            checkpoints.save(1, state())
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        program()
    assert "step 1 cannot be saved" in caught.value.__notes__[0]


# F8.


def test_a_folder_that_cannot_be_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file", tmp_path / "file" / "below"):
        with (
            pytest.raises(
                CheckpointError, match=r"step 1 cannot be saved: (File exists|Not a dir)"
            ),
            Checkpoints(bad) as checkpoints,
        ):
            checkpoints.save(1, state())


def test_a_folder_that_is_read_only_can_be_read_and_says_so(pristine):
    with read_only(pristine) as folder:
        checkpoints = Checkpoints(folder, asynchronous=False, identity={"data": "digits"})
        with pytest.raises(CheckpointError, match="step 3 cannot be saved: Permission denied"):
            checkpoints.save(3, state())
        with pytest.raises(CheckpointError, match="cannot delete: Permission denied"):
            checkpoints.discard_after(1)
        assert_same_bits(checkpoints.restore(state()).state, state(2))


# F9.


def lines_of(template, folder, identity="digits"):
    with pytest.raises(CheckpointError, match="of another run; the differences:") as caught:
        Checkpoints(folder, identity={"data": identity}).restore(template)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_another_optimizer_is_refused_and_its_paths_are_named(folder):
    lines = lines_of(state(optimizer=optax.sgd(0.1, momentum=0.9)), folder)
    assert "['opt_state'][0].mu['decoder/b']: saved float32[3], expected nothing" in lines
    assert "['opt_state'][0].trace['decoder/b']: saved nothing, expected float32[3]" in lines
    assert len(lines) == 7  # A count, two moments and a momentum of two parameters.


def test_another_model_is_refused_and_its_paths_are_named(folder):
    lines = lines_of(state(width=5), folder)
    assert "['params']['decoder/b']: saved float32[3], expected float32[5]" in lines
    assert len(lines) == 6


def test_another_dtype_is_refused_and_its_paths_are_named(folder):
    lines = lines_of(state(dtype="bfloat16"), folder)
    assert "['params']['encoder']['w']: saved float32[4,3], expected bfloat16[4,3]" in lines
    assert len(lines) == 6


def test_another_data_set_is_refused_and_named(folder):
    assert lines_of(state(), folder, "mnist") == ['data: saved "digits", expected "mnist"']


def test_other_keys_are_refused(folder):
    template = {**state(), "key": jax.random.key(0, impl="rbg")}
    assert lines_of(template, folder) == ["['key']: saved key<fry>[], expected key<rbg>[]"]


def test_a_long_list_of_differences_is_cut(folder):
    lines = lines_of({str(i): jnp.zeros(2) for i in range(20)}, folder)
    assert len(lines) == 11
    assert lines[-1] == "... and 19 more"


# F18 and F19.


@pytest.mark.slow
def test_four_hundred_saves_leak_neither_memory_nor_files(tmp_path):
    process = psutil.Process()
    with Checkpoints(tmp_path) as checkpoints:
        for number in range(400):  # 2000 steps, one every 5.
            checkpoints.save(5 * number, state(), metric=1.0 / (number + 1))
            if number == 50:  # Pools and caches are full.
                checkpoints.wait()
                memory, opened = process.memory_info().rss, process.num_fds()
        checkpoints.wait()
        assert process.num_fds() == opened
        assert process.memory_info().rss < 1.05 * memory
    assert checkpoints.steps() == [1985, 1990, 1995]


def test_a_clock_that_jumps_back_changes_nothing(tmp_path, monkeypatch):
    now = time.time()
    times = iter(now - 1000 * i for i in range(10**9))
    monkeypatch.setattr(time, "time", lambda: next(times))
    with Checkpoints(tmp_path, keep=2, keep_best=False) as checkpoints:
        for step in range(4):
            checkpoints.save(step, state(step))
            checkpoints.wait()
            os.utime(tmp_path / str(step), (now - 1000 * step, now - 1000 * step))
        assert checkpoints.steps() == [2, 3]
        assert_same_bits(checkpoints.restore(state()).state, state(3))
