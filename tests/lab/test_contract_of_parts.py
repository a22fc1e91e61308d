"""What every model, loss, metric, corruption and data set owes, whatever it is.

Exporting a name enrols it: see ``parts.py``. What each of them computes has tests of its own.
"""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import parts
import pytest
from enrolment import assert_entries
from filled import filled

from ae_optax.lab import config, data
from ae_optax.lab.models import as_output

KEY = jax.random.key(0)


def every(kind):
    return pytest.mark.parametrize("name", parts.names(kind))


@pytest.mark.parametrize("kind", parts.KINDS)
def test_every_part_is_here(kind):
    assert_entries(
        parts.ARGUMENTS[kind],
        parts.exported(kind),
        at=f'tests/lab/parts.py: ARGUMENTS["{kind}"]',
        entry="what a config says of it ({} if its name alone will do), or in ELSEWHERE its name",
    )


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in parts.KINDS for n in parts.names(k)])
def test_what_a_config_says_of_it_means_the_same_with_every_default_written(kind, name):
    call = parts.call(kind, name)
    written = call.plain()
    assert written.pop("name") == name
    assert parts.call(kind, name, written) == call


# Models.


@functools.cache
def applied(name):
    """Return parameters, state and what a model makes of images."""
    model = parts.make("model", name)
    params, state = filled(model, parts.images(2))
    run = jax.jit(model.apply, static_argnums=4)
    return params, state, as_output(run(params, state, parts.images(), KEY, False)[0])


@every("model")
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colours"])
def test_a_model_gives_back_the_shape_and_dtype_of_the_images(name, train, channels):
    model, x = parts.make("model", name), np.zeros((6, 9, 10, *channels), np.float32)
    params, state = jax.eval_shape(model.init, KEY, x[:1])
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {x.dtype}
    output, after = jax.eval_shape(lambda p, s: model.apply(p, s, x, KEY, train), params, state)
    output = as_output(output)
    chex.assert_trees_all_equal_shapes_and_dtypes(output.decoded, x)
    if output.code is not None:
        assert output.code.shape[:-1] == (len(x),)
        assert output.code.dtype == x.dtype
    # The state is a fixed point: then the loop can be a scan, compiles once and restores.
    assert after == state


@every("model")
def test_a_model_starts_from_its_key_alone(name):
    model, x = parts.make("model", name), np.zeros((1, 9, 10), np.float32)

    @jax.jit
    def last_kernel(key):  # One for all: what is not asked for is not compiled.
        return [leaf for leaf in jax.tree.leaves(model.init(key, x)[0]) if leaf.ndim > 1][-1]

    first, again, other = (np.asarray(last_kernel(jax.random.key(k))) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.all(first[first != 0] != other[first != 0])


@every("model")
def test_a_model_decodes_a_code_as_it_decodes_that_of_an_image(name):
    model = parts.make("model", name)
    params, state, output = applied(name)
    if output.code is None:
        assert model.decode is None
        return
    decode = jax.jit(model.decode, static_argnums=3)
    decoded = decode(params, state, output.code, parts.images().shape[1:])
    np.testing.assert_allclose(decoded, output.decoded, rtol=1e-5, atol=1e-6)


@every("model")
def test_a_model_that_squashes_says_so(name):
    decoded = applied(name)[2].decoded
    assert np.all(np.isfinite(decoded))
    # What is made up for the parameters is large enough to leave [0, 1] otherwise.
    assert np.all((decoded >= 0) & (decoded <= 1)) == parts.make("model", name).squashed


# Losses.


def value(name, seen):
    return jax.jit(parts.make("loss", name).__call__)(seen)


@every("loss")
def test_a_loss_is_a_number_of_the_dtype_of_the_output(name):
    loss, seen = parts.make("loss", name), parts.seen()
    terms = jax.eval_shape(loss.terms, seen)
    assert {term.value.shape for term in terms.values()} <= {(), (6,)}
    assert all(shown.shape == (6,) for shown in jax.eval_shape(loss.report, seen).values())
    chex.assert_shape(value(name, seen), ())
    assert value(name, seen).dtype == np.float32
    narrow = optax.tree.cast(jax.tree.map(jnp.asarray, seen), jnp.bfloat16)
    narrow = narrow._replace(step=seen.step)
    assert jax.eval_shape(loss.__call__, narrow).dtype == jnp.bfloat16


@every("loss")
def test_a_loss_can_be_followed_downhill(name):
    loss, seen = parts.make("loss", name), parts.seen()

    def at(output, params):
        return loss(seen._replace(output=output, params=params))

    slopes = jax.jit(jax.grad(at, argnums=(0, 1)))(seen.output, seen.params)
    chex.assert_tree_all_finite(slopes)
    assert any(np.any(np.asarray(slope) != 0) for slope in jax.tree.leaves(slopes))


@every("loss")
def test_images_that_do_not_count_do_not_change_a_loss(name):
    whole = parts.seen()
    few = parts.some_of(whole, slice(0, 4), [1, 1, 1, 1])
    padded = parts.some_of(whole, [0, 1, 2, 3, 5, 5], [1, 1, 1, 1, 0, 0])
    np.testing.assert_allclose(value(name, padded), value(name, few), rtol=1e-5)


@every("loss")
def test_a_loss_reads_the_output_as_pixels(name):
    loss, decoded = parts.make("loss", name), parts.seen().output.decoded
    if loss.reconstruct is None:
        assert loss.expects is None
        return
    pixels = loss.reconstruct(jnp.asarray(decoded))
    chex.assert_trees_all_equal_shapes_and_dtypes(pixels, jnp.asarray(decoded))
    assert np.all((pixels >= 0) & (pixels <= 1))
    assert loss.expects in ("values", "logits")


# Metrics.


@every("metric")
def test_a_metric_does_not_depend_on_how_the_images_are_divided_into_batches(name):
    metric, whole = parts.make("metric", name), parts.seen()

    def measured(batches):
        sums = metric.start(batches[0])
        for batch in batches:
            more = metric.add(sums, batch)
            # A fixed point: batches are passed in a scan.
            assert jax.tree.map(jax.typeof, more) == jax.tree.map(jax.typeof, sums)
            sums = more
        return metric.finish(sums)

    together = measured([whole])
    divided = measured(
        [
            parts.some_of(whole, slice(0, 4), [1, 1, 1, 1]),
            # The last batch is filled up with images that do not count.
            parts.some_of(whole, [4, 5, 5, 5], [1, 1, 0, 0]),
        ]
    )
    assert all(number.shape == () and number.dtype == np.float32 for number in together.values())
    chex.assert_tree_all_finite(together)
    chex.assert_trees_all_close(divided, together, rtol=1e-4)


# Corruptions.


@every("corruption")
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colours"])
def test_a_corruption_keeps_shape_and_dtype_and_the_range_of_pixels(name, channels):
    corruption = parts.make("corruption", name)
    x = np.random.default_rng(0).uniform(size=(4, 9, 10, *channels)).astype(np.float32)
    out = jax.jit(corruption.apply)(KEY, x)
    assert out.shape == x.shape
    assert out.dtype == x.dtype
    assert np.all((out >= 0) & (out <= 1 + 1e-6))
    narrow = jax.ShapeDtypeStruct(x.shape, jnp.bfloat16)
    assert jax.eval_shape(corruption.apply, KEY, narrow).dtype == jnp.bfloat16


@every("corruption")
def test_a_corruption_is_a_function_of_its_key(name):
    apply, x = jax.jit(parts.make("corruption", name).apply), parts.images()
    first, again, other = (np.asarray(apply(jax.random.key(k), x)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (name in ("blur", "clean")) == np.array_equal(first, other)


# Data.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", parts.images(20))
    monkeypatch.chdir(tmp_path)


@every("data")
@pytest.mark.usefixtures("folder")
def test_a_data_set_is_what_it_says_whenever_it_is_made(name):
    made, again = (parts.call("data", name).build() for _ in range(2))
    assert made.name == name
    splits = made.splits
    for split in splits:
        data.check_values(split, name=name)
        assert split.shape[1:] == made.shape
    assert made.fingerprint == again.fingerprint
    assert made.source
    rows = np.concatenate([split.reshape(len(split), -1) for split in splits])
    assert len(np.unique(rows, axis=0)) >= 0.99 * len(rows)


def test_mistakes_in_the_table_are_told_as_in_a_config():
    with pytest.raises(config.ConfigError, match="mlp_autoencoder has no argument 'kode'"):
        parts.call("model", "mlp_autoencoder", {"hidden": [3], "code": 2, "kode": 3})
