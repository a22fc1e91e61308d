"""Sweeps: grids, lists, random ranges and seeds over any path, each trial a whole run."""

import itertools

import numpy as np
import pytest
from config_fakes import COMPARISON, HEAD, KINDS, RUN, mistakes, run, write

from ae_optax.lab.config import Where, dump
from ae_optax.lab.plans import load_comparison, load_run, load_sweep
from ae_optax.lab.plans._grid import Axis, Range

RANGE = "{lowest: 1e-4, highest: 1e-1, scale: log}"


def sweep(folder, text, *overrides):
    return load_sweep(write(folder, text), overrides, kinds=KINDS)


def over(*axes, rest="", head=RUN):
    lines = "".join(f"    {axis}\n" for axis in axes)
    return f"{head}sweep:\n{rest}  over:\n{lines}"


def lines(folder, text, *overrides):
    return mistakes(sweep, folder, text, *overrides)


def values(config, path):
    return [trial.values[path] for trial in config.trials]


def rates(config):
    return [trial.config.optimizer.arguments["learning_rate"] for trial in config.trials]


def test_grids_and_lists_multiply(tmp_path):
    grid = "optimizer.learning_rate: {start: 1e-3, stop: 1e-1, count: 3}"
    config = sweep(tmp_path, over(grid, "optimizer.b1: [0, 0.9]"))
    pairs = list(itertools.product((0.001, 0.01, 0.1), (0, 0.9)))
    assert [tuple(trial.values.values()) for trial in config.trials] == pairs
    trained = [t.config.optimizer.arguments for t in config.trials]
    assert [(a["learning_rate"], a["b1"]) for a in trained] == pairs
    assert config.seeds == (0,)


def test_a_trial_is_the_run_that_its_config_would_be(tmp_path):
    config = sweep(tmp_path, over("optimizer.b1: [0.5]", "training.epochs: [7]"))
    same = run(tmp_path, RUN, "optimizer.b1=0.5", "training.epochs=7")
    assert config.trials[0].config == same
    assert dump(config.trials[0].config) == dump(same)


def test_an_override_reaches_what_is_varied(tmp_path):
    grid = "optimizer.learning_rate: {start: 1e-3, stop: 1e-1, count: 3}"
    text = over(grid, "'model.hidden[0]': [4, 8]")
    assert rates(sweep(tmp_path, text, "sweep.over.optimizer.learning_rate=[1, 2]")) == [1, 1, 2, 2]
    config = sweep(tmp_path, text, "sweep.over.optimizer.learning_rate.count=2")
    assert rates(config) == [1e-3, 1e-3, 1e-1, 1e-1]
    config = sweep(tmp_path, text, "sweep.over.model.hidden[0]=[5]")
    assert values(config, "model.hidden[0]") == [5, 5, 5]
    assert lines(tmp_path, text, "sweep.over.optimizer.b1=[0.5]") == [
        (
            "--set sweep.over.optimizer.b1=[0.5]: sweep.over.optimizer: expected a list, "
            "{start, stop, count} or {lowest, highest, scale}, got a mapping. If optimizer.b1 is "
            "meant, it is one key: `{optimizer.b1: ...}`, which --set takes as a whole, "
            "'sweep.over={optimizer.b1: ...}'."
        )
    ]


def test_seeds_are_numbers_of_their_own(tmp_path):
    config = sweep(tmp_path, over("optimizer.b1: [0.5]", rest="  seeds: [4, 2]\n"))
    assert config.seeds == (4, 2)
    (trial,) = config.trials
    assert [trial.run(seed).training.seed for seed in config.seeds] == [4, 2]
    assert trial.config == trial.run(4)
    text = over("optimizer.b1: [0.5]")
    assert sweep(tmp_path, text, "sweep.seeds=3").seeds == (0, 1, 2)
    assert sweep(tmp_path, text, "training.seed=8").seeds == (8,)


def test_anything_can_be_varied(tmp_path):
    text = over(
        "model.hidden: [[32], [64, 32]]",
        "optimizer: [{name: adam, learning_rate: 1}, {name: optax.sgd, learning_rate: 2}]",
        "optimizer.learning_rate: [3, {name: cosine, max_value: 1, duration: 5}]",
        "training.epochs: [2]",
    )
    config = sweep(tmp_path, text)
    assert len(config.trials) == 8
    assert {t.config.optimizer.name for t in config.trials} == {"adam", "optax.sgd"}
    assert {str(t.config.model.arguments["hidden"]) for t in config.trials} == {"[32]", "[64, 32]"}
    assert [getattr(rate, "name", rate) for rate in rates(config)[:2]] == [3.0, "cosine"]


def test_what_lies_inside_another_place_is_varied_after_it(tmp_path):
    inner = "optimizer.learning_rate: [3, 4]"
    outer = "optimizer: [{name: adam, learning_rate: 1}]"
    assert rates(sweep(tmp_path, over(inner, outer))) == [3.0, 4.0]


def test_an_item_of_a_chain_can_be_varied(tmp_path):
    head = (
        HEAD + "optimizer: {chain: [{name: clip, max_norm: 1}, {name: adam, learning_rate: 1}]}\n"
    )
    config = sweep(tmp_path, over("optimizer.chain[0].max_norm: [2, 4]", head=head))
    (parameter,) = config.trials[1].config.optimizer.arguments
    assert config.trials[1].config.optimizer.arguments[parameter][0].arguments["max_norm"] == 4.0


def test_integers_of_grids_and_ranges_are_rounded(tmp_path):
    grid = "training.batch_size: {start: 16, stop: 100, count: 3}"
    assert values(sweep(tmp_path, over(grid)), "training.batch_size") == [16, 40, 100]
    drawn = "training.epochs: {lowest: 1, highest: 3, scale: linear}"
    config = sweep(tmp_path, over(drawn, rest="  trials: 50\n"))
    # Trials that rounding makes the same are one.
    assert sorted(values(config, "training.epochs")) == [1, 2, 3]
    assert {type(t.config.training.epochs) for t in config.trials} == {int}


def test_ranges_are_drawn_as_often_as_asked_for(tmp_path):
    axes = (f"optimizer.learning_rate: {RANGE}", "optimizer.b1: [0, 0.5, 0.9]")
    config = sweep(tmp_path, over(*axes, rest="  trials: 40\n"))
    assert len(config.trials) == 40
    assert all(1e-4 <= rate < 1e-1 for rate in rates(config))
    assert len(set(rates(config))) == 40
    assert set(values(config, "optimizer.b1")) == {0, 0.5, 0.9}
    assert config == sweep(tmp_path, over(*axes, rest="  trials: 40\n"))


def test_more_trials_and_other_axes_keep_the_first_trials(tmp_path):
    axis = f"optimizer.learning_rate: {RANGE}"
    few = rates(sweep(tmp_path, over(axis, rest="  trials: 3\n")))
    assert rates(sweep(tmp_path, over(axis, rest="  trials: 5\n")))[:3] == few
    more = over("optimizer.b1: [0, 0.9]", axis, rest="  trials: 3\n")
    assert rates(sweep(tmp_path, more)) == few
    assert rates(sweep(tmp_path, more, "sweep.draw_seed=1")) != few


@pytest.mark.parametrize(("scale", "back"), [("log", np.log), ("linear", np.asarray)])
def test_draws_of_a_range_are_uniform_on_its_scale(scale, back):
    axis = Axis("x", Where("x.yaml"), range=Range(1e-3, 10, scale))
    draws = back(np.array([axis.draw(0, trial).value for trial in range(2000)]))
    low, high = back(np.array([1e-3, 10.0]))
    shares = np.sort((draws - low) / (high - low))
    # Kolmogorov-Smirnov, at the level 0.001.
    assert np.abs(shares - (np.arange(2000) + 0.5) / 2000).max() < 1.95 / np.sqrt(2000)


def test_draws_of_different_axes_are_independent():
    axes = [Axis(path, Where("x"), range=Range(0, 1, "linear")) for path in "ab"]
    a, b = ([axis.draw(0, trial).value for trial in range(2000)] for axis in axes)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.07  # Three standard deviations.


def test_a_dumped_sweep_is_the_same_sweep(tmp_path):
    text = over(f"optimizer.learning_rate: {RANGE}", rest="  trials: 4\n  seeds: 2\n")
    config = sweep(tmp_path, text, "optimizer.b1=0.5")
    assert config.plain()["optimizer"]["b1"] == 0.5
    assert sweep(tmp_path, dump(config)) == config


def test_a_run_becomes_a_sweep_by_an_override(tmp_path):
    assert rates(sweep(tmp_path, RUN, "sweep.over={optimizer.learning_rate: [1, 2]}")) == [1.0, 2.0]


RATE = f"optimizer.learning_rate: {RANGE}"
MISTAKES = {
    "a misspelt argument": (
        (["optimizer.lerning_rate: [1]"],),
        ("x.yaml:7:5: optimizer.lerning_rate: adam has no argument 'lerning_rate'. Did you mean "
        "'learning_rate'? Arguments: learning_rate, b1, eps, mu_dtype, weight_decay_mask."),
    ),
    "a misspelt argument in every trial": (
        (["optimizer.ep: {lowest: 1, highest: 2, scale: log}"], "  trials: 3\n"),
        ("x.yaml:8:5: optimizer.ep: adam has no argument 'ep'. Did you mean 'eps'? "
        "Arguments: learning_rate, b1, eps, mu_dtype, weight_decay_mask."),
    ),
    "a misspelt section": (
        (["trainig.epochs: [1]"],),
        ("x.yaml:7:5: trainig: unknown section 'trainig'. Did you mean 'training'? "
        "Sections: data, model, loss, training, corruption, metrics, optimizer, checkpoints."),
    ),
    "a place that is none": (
        (["optimizer.b1.x: [1]"],),
        "x.yaml:7:5: optimizer.b1: has no key 'x': it is 0.5, not a mapping.",
        "optimizer.b1=0.5",
    ),
    "an item that is not there": (
        (["model.hidden[3]: [1]"],),
        "x.yaml:7:5: model.hidden: has no item [3]: it is a list of 1.",
    ),
    "no path": (
        (["a..b: [1]"],),
        "x.yaml:7:5: sweep.over.a..b: expected a path, as in optimizer.learning_rate.",
    ),
    "a value of the wrong kind": (
        (["optimizer.b1: [0.5, fast, 0.9]"],),
        "x.yaml:7:25: optimizer.b1: expected a number, got 'fast'.",
    ),
    "a value out of range": (
        (["optimizer.b1: [0.5, 2]"],),
        "x.yaml:7:25: optimizer.b1: `decay` must lie in [0, 1), got 2.0.",
    ),
    "a range that leaves the domain": (
        (["optimizer.b1: {start: 0.5, stop: 2, count: 2}"],),
        "x.yaml:7:19: optimizer.b1: `decay` must lie in [0, 1), got 2.0.",
    ),
    "one value": (
        (["optimizer.b1: 0.5"],),
        ("x.yaml:7:19: sweep.over.optimizer.b1: expected a list, {start, stop, count} or "
        "{lowest, highest, scale}, got 0.5."),
    ),
    "no value": (
        (["optimizer.b1: []"],),
        "x.yaml:7:19: sweep.over.optimizer.b1: must hold at least one value.",
    ),
    "a range without a scale": (
        (["optimizer.b1: {lowest: 0, highest: 1}"], "  trials: 2\n"),
        "x.yaml:8:19: sweep.over.optimizer.b1.scale: the key 'scale' is missing.",
    ),
    "a range of ratios from zero": (
        (["optimizer.b1: {lowest: 0, highest: 1, scale: log}"], "  trials: 2\n"),
        ("x.yaml:8:28: sweep.over.optimizer.b1.lowest: "
        "`lowest` must be positive and finite, got 0.0."),
    ),
    "a range without end": (
        (["optimizer.b1: {lowest: 0, highest: .inf, scale: linear}"], "  trials: 2\n"),
        "x.yaml:8:40: sweep.over.optimizer.b1.highest: `highest` must be finite, got inf.",
    ),
    "a range upside down": (
        (["optimizer.b1: {lowest: 1, highest: 1, scale: log}"], "  trials: 2\n"),
        ("x.yaml:8:40: sweep.over.optimizer.b1.highest: "
        "`highest` must be above `lowest`, got 1.0."),
    ),
    "a misspelt scale": (
        (["optimizer.b1: {lowest: 1, highest: 2, scale: lgo}"], "  trials: 2\n"),
        ("x.yaml:8:50: sweep.over.optimizer.b1.scale: expected 'log' or 'linear', got 'lgo'. "
        "Did you mean 'log'?"),
    ),
    "a misspelt range": (
        (["optimizer.b1: {lowest: 1, higest: 2, scale: log}"], "  trials: 2\n"),
        ("x.yaml:8:31: sweep.over.optimizer.b1.higest: unknown key 'higest'. "
        "Did you mean 'highest'? Keys: lowest, highest, scale."),
    ),
    "a random range without trials": (
        ([RATE],),
        ("x.yaml:6:3: sweep.trials: "
        "optimizer.learning_rate has a random range: say how many trials to draw."),
    ),
    "trials of what is not random": (
        (["optimizer.b1: [0]"], "  trials: 5\n"),
        ("x.yaml:6:11: sweep.trials: nothing is random: "
        "lists and grids have as many trials as combinations. Leave it out."),
    ),
    "no trials": (
        ([RATE], "  trials: 0\n"),
        "x.yaml:6:11: sweep.trials: `trials` must be at least 1 and finite, got 0.",
    ),
    "a negative seed of the draws": (
        ([RATE], "  trials: 2\n  draw_seed: -1\n"),
        "x.yaml:7:14: sweep.draw_seed: `draw_seed` must lie in [0, 2147483648), got -1.",
    ),
    "too many trials": (
        ([RATE], "  trials: 1000000\n"),
        "x.yaml:6:3: sweep: must have at most 10000 trials, got 1000000.",
    ),
    "a path for the seed": (
        (["training.seed: [1, 2]"],),
        "x.yaml:7:5: sweep.over.training.seed: seeds have their own key: `sweep.seeds`.",
    ),
    "equal seeds": (
        (["optimizer.b1: [0]"], "  seeds: [1, 1]\n"),
        "x.yaml:6:10: sweep.seeds: must all be different, got [1, 1].",
    ),
    "no seeds": (
        (["optimizer.b1: [0]"], "  seeds: 0\n"),
        "x.yaml:6:10: sweep.seeds: must be at least one.",
    ),
    "a misspelt key": (
        (["optimizer.b1: [0]"], "  seds: 2\n"),
        ("x.yaml:6:3: sweep.seds: unknown key 'seds'. Did you mean 'seeds'? "
        "Keys: over, seeds, trials, draw_seed, search, keep."),
    ),
    "a mistake that has nothing to do with the sweep": (
        (["optimizer.b1: [0, 0.5, 0.9]"],),
        "--set model.code=0: model.code: `code` must be positive, got 0.",
        "model.code=0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "line", "overrides"), [
    (given, line, overrides) for given, line, *overrides in MISTAKES.values()
], ids=MISTAKES)  # fmt: skip
def test_a_mistake_gets_its_line(tmp_path, given, line, overrides):
    axes, *rest = given
    text = over(*axes, rest="".join(rest))
    assert lines(tmp_path, text, *overrides) == [line]


def test_the_section_must_say_what_to_vary(tmp_path):
    assert lines(tmp_path, RUN) == [
        "x.yaml:1:1: sweep: the section 'sweep' is missing: it says what to vary."
    ]
    (line,) = lines(tmp_path, over("optimizer.b1: [0, x]").replace("sweep", "swep"))
    assert line.startswith("x.yaml:5:1: swep: unknown section 'swep'. Did you mean 'sweep'?")
    assert lines(tmp_path, RUN + "sweep: 3\n") == [
        "x.yaml:5:8: sweep: expected {over, seeds, trials, draw_seed, search, keep}, got 3."
    ]
    assert lines(tmp_path, RUN + "sweep: {seeds: 2}\n") == [
        "x.yaml:5:8: sweep.over: the key 'over' is missing."
    ]
    assert lines(tmp_path, RUN + "sweep: {over: 2}\n") == [
        "x.yaml:5:15: sweep.over: expected a mapping {key: value}, got 2."
    ]
    assert lines(tmp_path, RUN + "sweep: {over: {}}\n") == [
        "x.yaml:5:15: sweep.over: `over` must name at least one path, got none."
    ]


def test_a_sweep_is_no_other_sort_of_config(tmp_path):
    path = write(tmp_path, over("optimizer.b1: [0]"))
    for load in (load_run, load_comparison):
        (line,) = mistakes(lambda _, p, load=load: load(p, kinds=KINDS), tmp_path, path)
        assert line == "x.yaml:5:1: sweep: this is a sweep: use `ae-optax sweep`."
    (line,) = lines(tmp_path, COMPARISON)
    assert line == "x.yaml:4:1: compare: this is a comparison: use `ae-optax compare`."


def test_a_search_has_examples_of_every_value(tmp_path):
    head = "  search: {name: optuna, seed: 3}\n  trials: 7\n"
    config = sweep(tmp_path, over(RATE, "optimizer.b1: [0, 0.5, 0.9]", rest=head))
    assert values(config, "optimizer.b1") == [0, 0.5, 0.9]
    assert rates(config) == [1e-4, 1e-1, 1e-4]
    assert (config.search.section.sampler, config.search.section.seed) == ("tpe", 3)
    assert config.search.count == 7
    trial = config.search.make([0.0123456789, 2])
    assert trial.values == {"optimizer.learning_rate": 0.0123457, "optimizer.b1": 0.9}
    assert trial.config.optimizer.arguments["learning_rate"] == 0.0123457


@pytest.mark.parametrize(
    ("search", "line"),
    [
        ("{name: optuna}", "x.yaml:6:3: sweep.trials: a search must know how many trials to make."),
        (
            "{name: optuna}\n  trials: 2\n  draw_seed: 0",
            "Its choices are decided by `sweep.search.seed`. Leave this out.",
        ),
        ("{name: hyperopt}\n  trials: 2", "sweep.search.name: expected 'optuna', got 'hyperopt'."),
        ("{name: optuna, seed: -1}\n  trials: 2", "`seed` must lie in [0, 2147483648), got -1."),
        (
            "{name: optuna, seed: 2147483648}\n  trials: 2",
            "`seed` must lie in [0, 2147483648), got 2147483648.",
        ),
    ],
)
def test_a_mistake_in_a_search_gets_its_line(tmp_path, search, line):
    found = lines(tmp_path, over("optimizer.b1: [0, 0.5]", rest=f"  search: {search}\n"))
    assert len(found) == 1
    assert found[0].endswith(line)


def test_a_draw_seed_in_a_search_is_not_ignored(tmp_path):
    rest = "  search: {name: optuna}\n  trials: 2\n  draw_seed: 3\n"
    (line,) = lines(tmp_path, over("optimizer.b1: [0, 0.5]", rest=rest))
    assert line.startswith("x.yaml:8:14: sweep.draw_seed: nothing is drawn in a search, got 3.")


def test_values_of_a_search_that_do_not_fit_are_named_at_once(tmp_path):
    head = "  search: {name: optuna}\n  trials: 7\n"
    (line,) = lines(tmp_path, over("optimizer.b1: [0, x]", rest=head))
    assert "optimizer.b1: expected a number" in line
