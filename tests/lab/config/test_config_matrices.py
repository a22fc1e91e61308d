"""Statistics, bases, roots, refreshes and views, by name in a config."""

import jax
import jax.numpy as jnp
import pytest
from config_fakes import mistakes

import ae_optax as ao
from ae_optax.lab.config import dump
from ae_optax.lab.plans import load_run

RUN = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [4], code: 2}
loss: {name: mse}
training: {epochs: 10, batch_size: 100}
optimizer: """

WRITTEN = {
    "{name: precondition, statistic: {name: debiased_gram, decay: 0.9}, "
    "root: {name: shifted_root, eps: 1e-6}, refresh: {name: every, steps: 5}, "
    "view: {name: view, block_size: 2}}": ao.precondition(
        ao.debiased_gram(0.9),
        root=ao.shifted_root(1e-6),
        refresh=ao.every(5),
        view=ao.view(2),
    ),
    "{name: in_basis, statistic: {name: kl_gram, decay: 0.9}, inner: {name: turned, inner: "
    "{name: average, decay: 0.9}}, basis: {name: eigenbasis}, "
    "refresh: {name: rolling, steps: 3}}": ao.in_basis(
        ao.kl_gram(0.9),
        inner=ao.turned(ao.average(0.9)),
        basis=ao.eigenbasis(),
        refresh=ao.rolling(3),
    ),
    "{name: soap, learning_rate: 1e-3, statistic: {name: gram, decay: 0.9}, "
    "refresh_every: {name: rolling, steps: 20}}": ao.soap(
        1e-3, statistic=ao.gram(0.9), refresh_every=ao.rolling(20)
    ),
    "{name: psgd_kron, learning_rate: 1e-3, draws: {name: random_draws, seed: 3}}": None,
}


def load(folder, text):
    path = folder / "x.yaml"
    path.write_text(RUN + text + "\n", encoding="utf-8")
    return load_run(path)


def program(tx):
    params = jnp.ones((5, 4))
    return str(jax.make_jaxpr(tx.update)(params, tx.init(params), params))


@pytest.mark.parametrize("text", WRITTEN)
def test_a_config_says_what_a_program_says(tmp_path, text):
    loaded = load(tmp_path, text)
    if WRITTEN[text] is not None:
        assert program(loaded.optimizer.build()) == program(WRITTEN[text])
    (tmp_path / "x.yaml").write_text(dump(loaded), encoding="utf-8")
    assert load_run(tmp_path / "x.yaml") == loaded


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "{name: soap, learning_rate: 1, statistic: {name: gramm, decay: 0.9}}",
            "x.yaml:5:61: optimizer.statistic.name: unknown statistic 'gramm'. Did you mean 'gram'",
        ),
        (
            "{name: shampoo, learning_rate: 1, root: {name: pseudo_root, eps: 1}}",
            "x.yaml:5:72: optimizer.root.eps: pseudo_root has no argument 'eps'.",
        ),
    ],
)
def test_a_mistake_in_a_piece_is_named(tmp_path, text, line):
    (found,) = mistakes(load, tmp_path, text)
    assert found.startswith(line), found


def test_where_an_average_of_the_tail_begins_is_a_part_of_the_run(tmp_path):
    loaded = load(tmp_path, "{name: average_tail, begin: 90%}")
    assert loaded.optimizer.timed(200).build().arguments["begin"] == 180
