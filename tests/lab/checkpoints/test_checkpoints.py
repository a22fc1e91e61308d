"""Saving and restoring when nothing goes wrong."""

import hashlib
import json
import shutil
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from checkpointed import assert_same_bits, state
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_optax.lab.checkpoints import (
    CheckpointError,
    Checkpoints,
    _leaves,
    _manifest,
    _orbax,
    _writer,
)


@pytest.fixture(params=[True, False], ids=["asynchronous", "synchronous"])
def checkpoints(request, tmp_path):
    with Checkpoints(tmp_path / "new" / "folder", asynchronous=request.param) as made:
        yield made


def test_a_state_comes_back_bit_for_bit_with_what_belongs_to_it(checkpoints):
    saved = state(1)
    checkpoints.save(7, saved, extra={"epoch": 2, "rows": [0.1, None]})
    restored = checkpoints.restore(state(2))
    assert_same_bits(restored.state, saved)
    assert restored[1:] == (7, {"epoch": 2, "rows": [0.1, None]}, (), [], "")


DTYPES = ["float32", "float16", "bfloat16", "float8_e4m3fn", "int4", "int8", "uint32", "bool"]


@pytest.mark.parametrize("dtype", [*DTYPES, "complex64"])
def test_every_dtype_comes_back(dtype, checkpoints):
    saved = {"a": jnp.asarray([[0, 1, 1]], dtype), "scalar": jnp.asarray(1, dtype)}
    checkpoints.save(0, saved)
    assert_same_bits(checkpoints.restore(saved).state, saved)


def test_unusual_numbers_and_shapes_come_back(checkpoints):
    saved = {
        "empty": jnp.zeros((0, 3), jnp.bfloat16),
        "zeros": jnp.full((3,), -0.0),
        "nan": jnp.asarray([np.nan, -np.inf, 1e-45], jnp.float32),
        "payload": np.asarray([0x7FC12345], np.uint32).view(np.float32),
        "column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "none": None,
    }
    checkpoints.save(0, saved)
    restored = checkpoints.restore(saved).state
    assert_same_bits(restored, saved)
    assert [type(x) for x in jax.tree.leaves(restored)] == [
        np.ndarray if isinstance(x, np.ndarray) else type(x) for x in jax.tree.leaves(saved)
    ]


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_of_any_generator_and_shape_go_on_as_before(impl, checkpoints):
    saved = {"one": jax.random.key(3, impl=impl), "many": jax.random.split(jax.random.key(4), 3)}
    checkpoints.save(0, saved)
    abstract = jax.eval_shape(lambda: saved)
    restored = checkpoints.restore(abstract).state
    assert_same_bits(restored, saved)
    assert jax.random.bits(restored["one"]) == jax.random.bits(saved["one"])


@settings(deadline=None, max_examples=15)
@given(names=st.lists(st.text(min_size=1, max_size=5), unique=True, min_size=1, max_size=4))
def test_any_names_of_parameters_come_back(names, tmp_path_factory):
    saved = {name: jnp.full((2,), i) for i, name in enumerate(names)}
    saved |= {"nested": {name: [jnp.full((), i)] for i, name in enumerate(names)}}
    with Checkpoints(tmp_path_factory.mktemp("names"), asynchronous=False) as checkpoints:
        checkpoints.save(0, saved)
        assert_same_bits(checkpoints.restore(saved).state, saved)


def test_the_buffers_may_be_donated_or_overwritten_as_soon_as_save_returns(tmp_path):
    donate = jax.jit(lambda tree: jax.tree.map(lambda x: x * 0 - 1, tree), donate_argnums=0)
    host = np.arange(3.0)
    saved = {"device": jnp.arange(100_000.0), "host": host}
    expected = jax.tree.map(np.array, saved)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(0, saved)
        donate({"device": saved["device"]})
        assert saved["device"].is_deleted()
        host[:] = -1
        assert_same_bits(checkpoints.restore(expected).state, expected)


def test_a_restored_state_may_be_donated(checkpoints):
    saved = {"w": jnp.arange(100_000.0)}
    checkpoints.save(0, saved)
    restored = checkpoints.restore(saved).state
    assert_same_bits(jax.jit(lambda tree: tree, donate_argnums=0)(restored), saved)


def test_saving_does_not_wait_for_the_writing(tmp_path, monkeypatch):
    gate = threading.Event()
    write = _writer.write
    monkeypatch.setattr(_writer, "write", lambda *args: (gate.wait(60), write(*args)))
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(0, state())
        assert checkpoints.steps() == []
        gate.set()
        checkpoints.wait()
        assert checkpoints.steps() == [0]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [2, 4, 5, 6]),
        ({"keep": 1}, [2, 6]),
        ({"keep": 1, "keep_best": False}, [6]),
        ({"keep": 9}, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_newest_and_the_best_are_kept(options, kept, tmp_path):
    metrics = [None, 3.0, 1.0, 2.0, float("nan"), 1.0, float("-inf")]
    with Checkpoints(tmp_path, **options) as checkpoints:
        for step, metric in enumerate(metrics):
            checkpoints.save(step, {"a": jnp.zeros(2)}, metric=metric)
    assert checkpoints.steps() == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(step) for step in kept]


def test_another_process_finds_the_best_again(tmp_path):
    for step, metric in enumerate([1.0, 2.0, 3.0]):
        with Checkpoints(tmp_path, keep=1) as checkpoints:
            checkpoints.save(step, {"a": jnp.zeros(2)}, metric=metric)
    assert checkpoints.steps() == [0, 2]


def test_a_chosen_step_is_restored(checkpoints):
    for step in (1, 2):
        checkpoints.save(step, state(step))
    assert_same_bits(checkpoints.restore(state(), step=1).state, state(1))


def test_what_follows_a_step_can_be_discarded_and_saved_anew(checkpoints):
    for step in (1, 2, 3):
        checkpoints.save(step, state(step))
    checkpoints.discard_after(1)
    assert checkpoints.steps() == [1]
    checkpoints.save(2, state(9))
    assert_same_bits(checkpoints.restore(state()).state, state(9))


def test_a_restored_state_is_placed_as_its_template_is(tmp_path):
    device = jax.devices()[0]
    template = {"free": jnp.zeros(2), "placed": jax.device_put(jnp.zeros(2), device)}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(0, {"free": jnp.ones(2), "placed": jnp.ones(2)})
        restored = checkpoints.restore(template).state
    assert not restored["free"].committed
    assert restored["placed"].committed


def test_a_restored_state_goes_on_as_the_saved_one(tmp_path):
    tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(1, 9)))
    params = state()["params"]

    @jax.jit
    def step(params, opt_state):
        updates, opt_state = tx.update(params, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    with jax.numpy_dtype_promotion("standard"), Checkpoints(tmp_path) as checkpoints:
        now = step(params, tx.init(params))
        checkpoints.save(1, now)
        then = checkpoints.restore(jax.eval_shape(lambda: now)).state
        assert_same_bits(step(*then), step(*now))


# Raises.


def test_there_must_be_a_checkpoint(checkpoints):
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        checkpoints.restore(state())
    checkpoints.save(1, state())
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 2, only \[1\]"):
        checkpoints.restore(state(), step=2)


def test_a_step_is_saved_once(checkpoints):
    checkpoints.save(3, state(1))
    with pytest.raises(
        CheckpointError, match=r"step 3 is saved already. Call `discard_after\(2\)`"
    ):
        checkpoints.save(3, state(2))
    assert_same_bits(checkpoints.restore(state()).state, state(1))


def test_bad_arguments_are_refused(tmp_path, checkpoints):
    with pytest.raises(ValueError, match="`keep` must be at least 1, got 0"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(TypeError, match="`keep` must be an integer"):
        Checkpoints(tmp_path, keep=1.5)
    with pytest.raises(TypeError, match="`identity` must hold JSON values only"):
        Checkpoints(tmp_path, identity={"a": {1}})
    with pytest.raises(ValueError, match="`step` must be at least 0, got -1"):
        checkpoints.save(-1, state())
    with pytest.raises(TypeError, match="`extra` must hold JSON values only"):
        checkpoints.save(1, state(), extra={"a": object()})
    with pytest.raises(ValueError, match="`extra` must hold finite numbers only"):
        checkpoints.save(1, state(), extra={"a": float("nan")})
    with pytest.raises(TypeError, match=r"`state\['a'\]` must be an array, got 1.5"):
        checkpoints.save(1, {"a": 1.5})
    with pytest.raises(TypeError, match=r"`state\['a'\]` must be an array, got ShapeDtypeStruct"):
        checkpoints.save(1, jax.eval_shape(lambda: {"a": jnp.zeros(1)}))
    with pytest.raises(ValueError, match="`state` must hold at least one number"):
        checkpoints.save(1, {"a": jnp.zeros((0,))})
    assert checkpoints.steps() == []


def test_a_state_of_several_parts_comes_back_and_a_damaged_one_is_named(tmp_path, monkeypatch):
    """Leaves of 48 bytes are divided, and what has no number is nowhere alone."""
    monkeypatch.setattr(_manifest, "PART", 40)
    monkeypatch.setattr(_manifest, "SMALL", 40)
    numbers = np.array([np.nan, -0.0, np.inf, -np.nan, 1e-45] * 3, np.float32)
    saved = {"a": jnp.zeros((0, 2)), **state(1), "n": numbers, "r": jnp.asarray(numbers)}
    saved["z"] = jnp.zeros((0,))
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, saved)
        assert_same_bits(checkpoints.restore(saved).state, saved)
        assert len(list((tmp_path / "1").iterdir())) > 8
        shutil.rmtree(tmp_path / "1" / "2" / "state" / "d")
        [(_, reason)] = checkpoints.damaged()
    assert "cannot be read" in reason


@pytest.mark.parametrize(("small", "parts"), [(48, {"0"}), (47, {"0", "1", "2"})])
def test_a_small_state_is_one_part(small, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(_manifest, "PART", 16)
    monkeypatch.setattr(_manifest, "SMALL", small)
    saved = {"a": jnp.zeros(8), "b": jnp.ones(4)}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, saved)
        assert_same_bits(checkpoints.restore(saved).state, saved)
    assert {path.name for path in (tmp_path / "1").iterdir() if path.is_dir()} == parts


def test_checkpoints_of_the_first_format_are_read(tmp_path):
    """They are one checkpoint of Orbax, whose manifest knows of no parts and no file of rows."""
    saved, extra = state(1), {"rows": [{"epoch": 1}], "seconds": 0.5}
    with Checkpoints(tmp_path / "new") as checkpoints:
        checkpoints.save(7, saved, extra=extra)
        checkpoints.wait()
        encoded = _orbax.read_manifest(tmp_path / "new" / "7")
    content = json.loads(encoded["manifest"])
    content["format"] = 1
    del content["rows"]
    for leaf in content["leaves"].values():
        del leaf["part"], leaf["pieces"]
    text = json.dumps(content)
    (tmp_path / "old").mkdir()
    _orbax.write(
        tmp_path / "draft",
        [_leaves.on_host(_leaves.paths(saved))],
        {"manifest": text, "sha256": hashlib.sha256(text.encode()).hexdigest()},
    )
    (tmp_path / "draft" / "0").rename(tmp_path / "old" / "7")
    old = Checkpoints(tmp_path / "old")
    restored = old.restore(state())
    assert_same_bits(restored.state, saved)
    assert restored[1:] == (7, extra, (), [], "")
    assert old.damaged() == []
