"""Comparisons: one number swept in each contender, equal budgets, distinct labels and seeds."""

import jax.numpy as jnp
import numpy as np
import pytest
from config_fakes import COMPARISON, HEAD, comparison, mistakes

from ae_optax.lab.config import ConfigError, dump
from ae_optax.lab.plans import load_comparison


def compare(contenders, *, rates="[0.1, 1]", rest=""):
    lines = "".join(f"    - {c}\n" for c in contenders)
    shared = f"  learning_rates: {rates}\n" if rates else ""
    return f"{HEAD}compare:\n{shared}{rest}  contenders:\n{lines}"


def lines(folder, text, *overrides):
    return mistakes(comparison, folder, text, *overrides)


ADAM = "optimizer: {name: adam}"
SGD = "optimizer: {name: optax.sgd}"


def test_contenders_share_grid_and_defaults(tmp_path):
    config = comparison(tmp_path, COMPARISON)
    assert [c.label for c in config.contenders] == ["adam", "optax.sgd"]
    assert config.contenders[0].learning_rates == (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    assert config.contenders[1].learning_rates == config.contenders[0].learning_rates
    assert config.seeds == (0, 1, 2)
    assert config.target is None


def test_a_grid_has_equal_ratios(tmp_path):
    grid = "{start: 1e-2, stop: 1e+3, count: 11}"
    (contender,) = comparison(tmp_path, compare([f"{{{ADAM}}}"], rates=grid)).contenders
    rates = np.array(contender.learning_rates)
    np.testing.assert_allclose(rates[1:] / rates[:-1], 10**0.5, rtol=1e-11)
    assert (rates[0], rates[2], rates[-1]) == (0.01, 0.1, 1000.0)


def test_a_required_rate_that_is_left_out_is_swept(tmp_path):
    chained = "optimizer: {chain: [{name: clip, max_norm: 1}, {name: adam}]}"
    marked = "optimizer: {chain: [{name: clip, max_norm: 1}, {name: adam, learning_rate: swept}]}"
    one, two = (comparison(tmp_path, compare([c])).contenders[0] for c in (chained, marked))
    assert one.optimizer == two.optimizer
    assert one.label == "chain"


def test_a_rate_takes_the_place_of_swept(tmp_path):
    scheduled = "{name: cosine, max_value: swept, duration: 10}"
    text = compare([f"optimizer: {{name: optax.sgd, learning_rate: {scheduled}}}"])
    contender = comparison(tmp_path, text).contenders[0]
    params = {"w": jnp.ones(2)}
    assert [setting.learning_rate for setting in contender.settings] == [0.1, 1.0]
    for setting in contender.settings:
        tx = setting.optimizer.build()
        updates, _ = tx.update(params, tx.init(params))
        np.testing.assert_allclose(updates["w"], -setting.learning_rate, rtol=1e-6)
    assert contender.optimizer.plain()["learning_rate"]["max_value"] == "swept"


def test_a_dumped_comparison_is_the_same_comparison(tmp_path):
    text = compare([ADAM, f"{{{SGD}, label: plain, learning_rates: [1e-3, 7]}}"])
    config = comparison(tmp_path, text, "compare.target=0.02", "compare.seeds=[4, 2]")
    assert config.target == 0.02
    assert comparison(tmp_path, dump(config)) == config


RANGE = "{lowest: 0.1, highest: 0.9, scale: linear}"


def tried(config):
    return [(s.learning_rate, dict(s.values)) for s in config.contenders[0].settings]


def test_a_contender_may_sweep_more_than_its_rate(tmp_path):
    text = compare([f"{{{ADAM}, sweep: {{b1: [0.5, 0.6]}}}}"])
    config = comparison(tmp_path, text, "compare.trials=4")
    assert tried(config) == [(rate, {"b1": b1}) for rate in (0.1, 1.0) for b1 in (0.5, 0.6)]
    (contender,) = config.contenders
    numbers = [setting.optimizer.arguments["b1"] for setting in contender.settings]
    assert numbers == [0.5, 0.6, 0.5, 0.6]
    path = "compare.contenders[0].optimizer"
    assert contender.swept() == (f"{path}.learning_rate", f"{path}.b1")
    assert comparison(tmp_path, dump(config)) == config


def test_an_item_of_a_chain_and_words_can_be_swept(tmp_path):
    chain = "optimizer: {chain: [{name: clip, max_norm: 1}, {name: adam}]}"
    sweep = "{'chain[0].max_norm': {start: 1, stop: 4, count: 3}, 'chain[1].mu_dtype': [float32]}"
    config = comparison(tmp_path, compare([f"{{{chain}, sweep: {sweep}}}"]))
    assert [values for _, values in tried(config)[:3]] == [
        {"chain[0].max_norm": norm, "chain[1].mu_dtype": "float32"} for norm in (1.0, 2.0, 4.0)
    ]


def test_random_numbers_are_drawn_anew_at_every_rate(tmp_path):
    text = compare([f"{{{ADAM}, sweep: {{b1: {RANGE}, eps: [1e-8, 1e-4]}}}}"])
    few, more = (tried(comparison(tmp_path, text, f"compare.trials={n}")) for n in (6, 20))
    assert [rate for rate, _ in few] == [0.1, 1.0] * 3
    assert more[:6] == few
    assert len({values["b1"] for _, values in more}) == 20
    assert {values["eps"] for _, values in more} == {1e-8, 1e-4}
    other = comparison(tmp_path, text, "compare.trials=6", "compare.draw_seed=1")
    assert tried(other) != few


def test_all_runs_go_to_the_end_of_their_schedule(tmp_path):
    text = COMPARISON.replace("name: mlp, hidden: [32]", "name: mlp_autoencoder, hidden: [32]")
    text = text.replace("optax.sgd", "sgd").replace("compare:", "training: {patience: 3}\ncompare:")
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"training\.patience: must be left out of a comparison"):
        load_comparison(tmp_path / "x.yaml")


MISTAKES = {
    "nothing swept": (
        ["optimizer: {name: adam, learning_rate: 1}"],
        {},
        ("x.yaml:7:25: compare.contenders[0].optimizer: "
        "nothing is swept: write `swept` where the learning rate goes."),
    ),
    "two numbers swept": (
        ["optimizer: {name: adam, b1: swept}"],
        {},
        "x.yaml:7:25: compare.contenders[0].optimizer: only one number may be swept, got 2.",
    ),
    "a traced number does not do": (
        ["optimizer: {name: stubborn}"],
        {},
        ("x.yaml:7:25: compare.contenders[0].optimizer: "
        "stubborn cannot be swept: it needs to know the number when it is made."),
    ),
    "the same label": (
        [ADAM, SGD, ADAM],
        {},
        ("x.yaml:9:7: compare.contenders[2].label: "
        "the label 'adam' is taken. Give each its own `label`."),
    ),
    "unequal budgets": (
        [ADAM, f"{{{SGD}, learning_rates: [1]}}"],
        {},
        ("x.yaml:8:54: compare.contenders[1].learning_rates: "
        "optax.sgd tries 1 settings, but adam tries 2. All must try equally many."),
    ),
    "unequal budgets by a sweep": (
        [f"{{{ADAM}, sweep: {{b1: [0.5, 0.6]}}}}", SGD],
        {},
        ("x.yaml:8:7: compare.contenders[1].learning_rates: "
        "optax.sgd tries 2 settings, but adam tries 4. All must try equally many."),
    ),
    "another budget than was said": (
        [f"{{{ADAM}, sweep: {{b1: [0.5, 0.6]}}}}"],
        {"rest": "  trials: 6\n"},
        ("x.yaml:8:40: compare.contenders[0].sweep: "
        "adam tries 4 settings, but `trials` says 6. All must try equally many."),
    ),
    "a random range without a budget": (
        [f"{{{ADAM}, sweep: {{b1: {RANGE}}}}}"],
        {},
        ("x.yaml:7:40: compare.contenders[0].sweep: "
        "b1 has a random range: say how many settings to try, `compare.trials`."),
    ),
    "a random range with an odd budget": (
        [f"{{{ADAM}, sweep: {{b1: {RANGE}}}}}"],
        {"rest": "  trials: 5\n"},
        "x.yaml:6:11: compare.trials: must be a multiple of the 2 learning rates, got 5.",
    ),
    "the rate twice": (
        [f"{{{ADAM}, sweep: {{learning_rate: [0.5, 0.6]}}}}"],
        {},
        ("x.yaml:7:40: compare.contenders[0].sweep: "
        "the learning rate has its own key: `learning_rates`."),
    ),
    "a value out of range": (
        [f"{{{ADAM}, sweep: {{b1: [0.5, 2]}}}}"],
        {},
        ("x.yaml:7:51: compare.contenders[0].optimizer.b1: `decay` must lie in [0, 1), got 2.0."),
    ),
    "a misspelt path": (
        [f"{{{ADAM}, sweep: {{b3: [0.5, 0.6]}}}}"],
        {},
        ("x.yaml:7:41: compare.contenders[0].optimizer.b3: adam has no argument 'b3'. "
        "Did you mean 'b1'? "
        "Arguments: learning_rate, b1, eps, mu_dtype, weight_decay_mask."),
    ),
    "a place that is none": (
        ["{optimizer: {name: adam, b1: 0.5}, sweep: {b1.x: [0.5, 2]}}"],
        {},
        ("x.yaml:7:50: compare.contenders[0].optimizer.b1: "
        "has no key 'x': it is 0.5, not a mapping."),
    ),
    "one value to sweep": (
        [f"{{{ADAM}, sweep: {{b1: 0.5}}}}"],
        {},
        ("x.yaml:7:45: compare.contenders[0].sweep.b1: expected a list, {start, stop, count} or "
        "{lowest, highest, scale}, got 0.5."),
    ),
    "no trials": (
        [ADAM],
        {"rest": "  trials: 0\n"},
        "x.yaml:6:11: compare.trials: `trials` must be at least 1 and finite, got 0.",
    ),
    "no rates": (
        [ADAM],
        {"rates": ""},
        ("x.yaml:6:7: compare.contenders[0]: "
        "no `learning_rates`: give them here, or for all in `compare`."),
    ),
    "an empty list of rates": (
        [ADAM],
        {"rates": "[]"},
        "x.yaml:5:19: compare.learning_rates: must hold at least one rate.",
    ),
    "a rate that is not positive": (
        [ADAM],
        {"rates": "[1, 0]"},
        ("x.yaml:5:19: compare.learning_rates: "
        "`learning_rates[1]` must be positive and finite, got 0.0."),
    ),
    "equal rates": (
        [ADAM],
        {"rates": "[1, 1.0]"},
        "x.yaml:5:19: compare.learning_rates: must all be different, got [1.0, 1.0].",
    ),
    "a grid from zero": (
        [ADAM],
        {"rates": "{start: 0, stop: 1, count: 3}"},
        "x.yaml:5:27: compare.learning_rates.start: `start` must be positive and finite, got 0.0.",
    ),
    "a grid of one": (
        [ADAM],
        {"rates": "{start: 1, stop: 2, count: 1}"},
        "x.yaml:5:46: compare.learning_rates.count: `count` must be at least 2 and finite, got 1.",
    ),
    "a grid that goes nowhere": (
        [ADAM],
        {"rates": "{start: 1, stop: 1, count: 2}"},
        "x.yaml:5:36: compare.learning_rates.stop: `stop` must differ from `start`, got 1.0 twice.",
    ),
    "a misspelt grid": (
        [ADAM],
        {"rates": "{start: 1, stp: 2, count: 3}"},
        ("x.yaml:5:30: compare.learning_rates.stp: unknown key 'stp'. Did you mean 'stop'? "
        "Keys: start, stop, count."),
    ),
    "one number for rates": (
        [ADAM],
        {"rates": "1"},
        ("x.yaml:5:19: compare.learning_rates: "
        "expected {start, stop, count}, a list of a number or null, got 1."),
    ),
    "equal seeds": (
        [ADAM],
        {"rest": "  seeds: [1, 2, 1]\n"},
        "x.yaml:6:10: compare.seeds: must all be different, got [1, 2, 1].",
    ),
    "no seeds": (
        [ADAM],
        {"rest": "  seeds: 0\n"},
        "x.yaml:6:10: compare.seeds: must be at least one.",
    ),
    "a negative seed": (
        [ADAM],
        {"rest": "  seeds: [-1]\n"},
        "x.yaml:6:10: compare.seeds: `seeds` must lie in [0, 2147483648), got -1.",
    ),
    "a target that is not finite": (
        [ADAM],
        {"rest": "  target: .nan\n"},
        "x.yaml:6:11: compare.target: `target` must be finite, got nan.",
    ),
    "out of range": (
        ["optimizer: {name: adam, eps: 0}"],
        {},
        "x.yaml:7:36: compare.contenders[0].optimizer.eps: `eps` must be positive, got 0.0.",
    ),
    "a missing optimizer": (
        ["label: x"],
        {},
        "x.yaml:7:7: compare.contenders[0].optimizer: the key 'optimizer' is missing.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("contenders", "rest", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_its_line(tmp_path, contenders, rest, line):
    assert lines(tmp_path, compare(contenders, **rest)) == [line]


def test_there_must_be_a_contender(tmp_path):
    assert lines(tmp_path, f"{HEAD}compare: {{contenders: []}}\n") == [
        "x.yaml:4:23: compare.contenders: `contenders` must name at least one optimizer, got none."
    ]


def test_contenders_are_checked_independently(tmp_path):
    text = compare(["optimizer: {name: adma}", "optimizer: {name: optax.sgd, nesterov: 1}", ADAM])
    assert [line.split(": ")[1] for line in lines(tmp_path, text)] == [
        "compare.contenders[0].optimizer.name",
        "compare.contenders[1].optimizer.nesterov",
        "compare.contenders[2].label",
    ]
