"""``--set path=value`` changes a config, and its mistakes are told as its own."""

import pytest
from config_fakes import COMPARISON, RUN, comparison, mistakes, run

from ae_optax.lab.config import split


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ["a"]),
        ("a.b", ["a", "b"]),
        ("a[1]", ["a", 1]),
        ("a.chain[0].learning_rate[12][3].x", ["a", "chain", 0, "learning_rate", 12, 3, "x"]),
        *(
            (path, None)
            for path in ["", ".a", "a.", "a..b", "[0]", "a[b]", "a[-1]", "a[0]b", "a b"]
        ),
    ],
)
def test_a_path_is_split_into_steps(path, steps):
    assert split(path) == steps


def test_an_override_replaces_a_value(tmp_path):
    config = run(tmp_path, RUN, "optimizer.learning_rate=1e-2", "model.hidden=[64, 32]")
    assert config.optimizer.arguments["learning_rate"] == 0.01
    assert config.model.arguments["hidden"] == [64, 32]


def test_an_override_replaces_an_item(tmp_path):
    assert run(tmp_path, RUN, "model.hidden[0]=5").model.arguments["hidden"] == [5]


def test_an_override_adds_an_argument(tmp_path):
    assert run(tmp_path, RUN, "optimizer.b1=0").optimizer.arguments["b1"] == 0


def test_an_override_adds_a_section(tmp_path):
    assert run(tmp_path, RUN, "training.epochs=3").training.epochs == 3


def test_an_override_replaces_a_whole_mapping(tmp_path):
    rate = "optimizer.learning_rate={name: cosine, max_value: 1, duration: 3}"
    assert run(tmp_path, RUN, rate).optimizer.arguments["learning_rate"].name == "cosine"


def test_later_overrides_win(tmp_path):
    overrides = "optimizer={name: optax.sgd, learning_rate: 1}", "optimizer.learning_rate=2"
    assert run(tmp_path, RUN, *overrides).optimizer.arguments["learning_rate"] == 2


def test_the_rest_of_an_override_after_the_first_sign_is_its_value(tmp_path):
    assert run(tmp_path, RUN, "data.path=a=b").data.arguments["path"] == "a=b"


def test_an_override_reaches_into_a_comparison(tmp_path):
    overrides = (
        "compare.learning_rates.count=2",
        "compare.contenders[1].learning_rates={start: 1, stop: 10, count: 2}",
        "compare.contenders[1].learning_rates.stop=100",
    )
    contenders = comparison(tmp_path, COMPARISON, *overrides).contenders
    assert [c.learning_rates for c in contenders] == [(1e-4, 1.0), (1.0, 100.0)]


MISTAKES = {
    "optimizer.lerning_rate=1": "optimizer.lerning_rate: adam has no argument 'lerning_rate'. "
    "Did you mean 'learning_rate'? Arguments: learning_rate, b1, eps, mu_dtype, weight_decay_mask.",
    "optimzer.b1=0": "optimzer: unknown section 'optimzer'. Did you mean 'optimizer'? "
    "Sections: data, model, loss, training, corruption, metrics, optimizer, checkpoints.",
    "optimizer.learning_rate=true": "optimizer.learning_rate: "
    "expected a number or a schedule {name: ...}, got true.",
    "optimizer.eps=-1": "optimizer.eps: `eps` must be positive, got -1.0.",
    "optimizer.eps=": "optimizer.eps: expected a number, got nothing.",
    "optimizer.name=adma": "optimizer.name: unknown optimizer 'adma'. Did you mean 'adam'?",
    "optimizer.learning_rate.max_value=1": "optimizer.learning_rate: has no key 'max_value': "
    "it is 1e-3, not a mapping.",
    "model.hidden[1]=3": "model.hidden: has no item [1]: it is a list of 1.",
    "model.code[0]=3": "model.code: has no item [0]: it is 8.",
    "loss": "expected path=value, as in optimizer.learning_rate=1e-2.",
    "=3": "expected path=value, as in optimizer.learning_rate=1e-2.",
    "model.hidden=[1,": "invalid YAML: while parsing a flow node, expected the node content, "
    "but found '<stream end>'.",
    "training={seed: 1, seed: 2}": "seed: duplicate key 'seed'.",
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_is_told_with_the_option(tmp_path, override):
    expected = f"--set {override}: {MISTAKES[override]}"
    assert mistakes(run, tmp_path, RUN, override) == [expected]


def test_mistakes_of_the_file_come_first(tmp_path):
    lines = mistakes(run, tmp_path, RUN.replace("mse", "mze"), "optimizer.eps=-1", "zzz=1")
    assert [line.split(":")[0] for line in lines] == [
        "x.yaml",
        "--set zzz=1",
        "--set optimizer.eps=-1",
    ]
