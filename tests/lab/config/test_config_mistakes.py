"""Every kind of mistake in a config, and the exact line that it gets."""

import pytest
from config_fakes import HEAD, KINDS, RUN, comparison, mistakes, run

from ae_optax.lab.config import ConfigError
from ae_optax.lab.plans import load_run


def optimizer(text):
    return f"{HEAD}optimizer: {text}\n"


def section(name, text):
    """Return a run in which one section, then in line 1, is replaced."""
    rest = [line for line in RUN.splitlines() if not line.startswith(f"{name}:")]
    return "\n".join([f"{name}: {text}", *rest])


ARGUMENTS = "Arguments: learning_rate, b1, eps, mu_dtype, weight_decay_mask."
ONE_MISTAKE = {
    "unknown name": (
        optimizer("{name: adma, learning_rate: 1}"),
        "x.yaml:4:19: optimizer.name: unknown optimizer 'adma'. Did you mean 'adam'?",
    ),
    "unknown name, nothing near": (
        section("model", "{name: transformer, hidden: [1], code: 1}"),
        "x.yaml:1:15: model.name: unknown model 'transformer'. Known: mlp.",
    ),
    "unknown argument": (
        optimizer("{name: adam, lerning_rate: 1}"),
        ("x.yaml:4:25: optimizer.lerning_rate: adam has no argument 'lerning_rate'. "
        f"Did you mean 'learning_rate'? {ARGUMENTS}"),
    ),
    "unknown argument, nothing near": (
        optimizer("{name: adam, learning_rate: 1, zzz: 1}"),
        f"x.yaml:4:43: optimizer.zzz: adam has no argument 'zzz'. {ARGUMENTS}",
    ),
    "initials": (
        optimizer("{name: adam, lr: 1}"),
        "x.yaml:4:25: optimizer.lr: adam has no argument 'lr'. Did you mean 'learning_rate'? "
        + ARGUMENTS,
    ),
    "argument of a function without arguments": (
        section("loss", "{name: mse, eps: 1}"),
        "x.yaml:1:19: loss.eps: mse has no argument 'eps'. Arguments: none.",
    ),
    "missing argument": (
        optimizer("{name: adam}"),
        "x.yaml:4:19: optimizer.learning_rate: adam needs the argument 'learning_rate'.",
    ),
    "missing name": (
        optimizer("{learning_rate: 1}"),
        "x.yaml:4:12: optimizer: the key 'name' or 'chain' is missing: which optimizer?",
    ),
    "misspelt name": (
        optimizer("{nmae: adam, learning_rate: 1}"),
        "x.yaml:4:13: optimizer.nmae: unknown key 'nmae'. Did you mean 'name'?",
    ),
    "a name that is no text": (
        optimizer("{name: 3}"),
        "x.yaml:4:19: optimizer.name: expected the name of a function, got 3.",
    ),
    "a bare name": (
        section("loss", "mse"),
        "x.yaml:1:7: loss: expected a loss {name: ...}, got 'mse'. Write {name: mse}.",
    ),
    "unknown section": (
        RUN + "optimiser: {}",
        ("x.yaml:5:1: optimiser: unknown section 'optimiser'. Did you mean 'optimizer'? "
        "Sections: data, model, loss, training, corruption, metrics, optimizer, checkpoints."),
    ),
    "missing section": (HEAD, "x.yaml:1:1: optimizer: the section 'optimizer' is missing."),
    "unknown setting": (
        RUN + "training: {epoch: 3}",
        ("x.yaml:5:12: training.epoch: unknown key 'epoch'. Did you mean 'epochs'? "
        "Keys: epochs, batch_size, seed, telemetry, on_non_finite, patience, max_minutes, mesh, "
        "log_every, precision."),
    ),
    "true for a number": (
        optimizer("{name: adam, learning_rate: true}"),
        ("x.yaml:4:40: optimizer.learning_rate: "
        "expected a number or a schedule {name: ...}, got true."),
    ),
    "true for an ArrayLike": (
        optimizer("{name: optax.lamb, learning_rate: 1, b1: true}"),
        "x.yaml:4:53: optimizer.b1: expected a number, got true.",
    ),
    "text for a number": (
        optimizer("{name: adam, learning_rate: 1, b1: no}"),
        "x.yaml:4:47: optimizer.b1: expected a number, got 'no'.",
    ),
    "quoted number": (
        optimizer("{name: adam, learning_rate: '1e-3'}"),
        ("x.yaml:4:40: optimizer.learning_rate: expected a number or a schedule {name: ...}, "
        "got '1e-3'. Write 1e-3, without quotes or underscores."),
    ),
    "nothing for a number": (
        optimizer("{name: adam, learning_rate: }"),
        ("x.yaml:4:39: optimizer.learning_rate: "
        "expected a number or a schedule {name: ...}, got nothing."),
    ),
    "fraction for an integer": (
        RUN + "training: {epochs: 1.5}",
        "x.yaml:5:20: training.epochs: expected an integer, got 1.5.",
    ),
    "float for an integer": (
        RUN + "training: {epochs: 1e2}",
        "x.yaml:5:20: training.epochs: expected an integer, got 1e2. Write 100.",
    ),
    "number for a boolean": (
        section("model", "{name: mlp, hidden: [1], code: 1, tied: 1}"),
        "x.yaml:1:48: model.tied: expected true or false, got 1.",
    ),
    "number for text": (
        section("data", "{name: digits, path: 3}"),
        "x.yaml:1:28: data.path: expected text or null, got 3. Write '3', in quotes.",
    ),
    "unknown choice": (
        section("model", "{name: mlp, hidden: [1], code: 1, activation: rleu}"),
        ("x.yaml:1:54: model.activation: expected 'relu' or 'tanh', got 'rleu'. "
        "Did you mean 'relu'?"),
    ),
    "unknown dtype": (
        optimizer("{name: adam, learning_rate: 1, mu_dtype: flaot32}"),
        ("x.yaml:4:53: optimizer.mu_dtype: expected a dtype such as float32 or null, "
        "got 'flaot32'. Did you mean 'float32'?"),
    ),
    "one number for a list": (
        section("model", "{name: mlp, hidden: 32, code: 1}"),
        "x.yaml:1:28: model.hidden: expected a list of an integer, got 32.",
    ),
    "wrong item": (
        section("model", "{name: mlp, hidden: [32, x], code: 1}"),
        "x.yaml:1:33: model.hidden[1]: expected an integer, got 'x'.",
    ),
    "wrong length": (
        section("loss", "{name: penalised, loss: {name: mse}, weights: [1, 2, 3]}"),
        "x.yaml:1:53: loss.weights: expected a list of 2, each a number, got a list.",
    ),
    "a list for an optimizer": (
        optimizer("[{name: adam}]"),
        ("x.yaml:4:12: optimizer: expected an optimizer {name: ...} or {chain: [...]}, "
        "got a list. Write {chain: [...]}."),
    ),
    "a chain that is no list": (
        optimizer("{chain: {name: clip, max_norm: 1}}"),
        "x.yaml:4:20: optimizer.chain: expected a list of transformations, got a mapping.",
    ),
    "a chain with more keys": (
        optimizer("{chain: [{name: clip, max_norm: 1}], eps: 1}"),
        "x.yaml:4:49: optimizer.eps: {chain: [...]} has no other key, got 'eps'.",
    ),
    "in a chain": (
        optimizer("{chain: [{name: clip, max_norm: 1}, {name: adam, learning_rate: 1, esp: 1}]}"),
        ("x.yaml:4:79: optimizer.chain[1].esp: adam has no argument 'esp'. "
        f"Did you mean 'eps'? {ARGUMENTS}"),
    ),
    "in a quotient": (
        optimizer("{name: quotient, numerator: {name: clip}, denominator: {chain: []}}"),
        "x.yaml:4:47: optimizer.numerator.max_norm: clip needs the argument 'max_norm'.",
    ),
    "in a schedule": (
        optimizer("{name: adam, learning_rate: {name: cosin, max_value: 1, duration: 5}}"),
        ("x.yaml:4:47: optimizer.learning_rate.name: unknown schedule 'cosin'. "
        "Did you mean 'cosine'?"),
    ),
    "in a schedule of a schedule": (
        optimizer(
            "{name: adam, learning_rate: {name: with_warmup, duration: 1, "
            "schedule: {name: cosine, max_value: 1, duration: 0}}}"
        ),
        ("x.yaml:4:122: optimizer.learning_rate.schedule.duration: "
        "`duration` must be at least 1, got 0."),
    ),
    "a number for a schedule": (
        optimizer("{name: adam, learning_rate: {name: with_warmup, schedule: 1, duration: 1}}"),
        "x.yaml:4:70: optimizer.learning_rate.schedule: expected a schedule {name: ...}, got 1.",
    ),
    "an optimizer for a schedule": (
        optimizer("{name: adam, learning_rate: {name: clip}}"),
        ("x.yaml:4:47: optimizer.learning_rate.name: unknown schedule 'clip'. "
        "Known: cosine, inverse, with_warmup."),
    ),
    "out of range": (
        optimizer("{name: adam, learning_rate: -1}"),
        "x.yaml:4:40: optimizer.learning_rate: `learning_rate` must be at least 0, got -1.0.",
    ),
    "out of range under another name": (
        optimizer("{name: adam, learning_rate: 1, b1: 1.5}"),
        "x.yaml:4:47: optimizer.b1: `decay` must lie in [0, 1), got 1.5.",
    ),
    "out of range in a setting": (
        RUN + "training: {epochs: 0}",
        "x.yaml:5:20: training.epochs: `epochs` must be at least 1 and finite, got 0.",
    ),
    "not finite at step 0": (
        optimizer("{name: adam, learning_rate: {name: cosine, max_value: .inf, duration: 1}}"),
        ("x.yaml:4:47: optimizer.learning_rate: "
        "cosine must be a finite number at step 0, got inf."),
    ),
    "a schedule that fails": (
        optimizer("{name: adam, learning_rate: {name: inverse, value: 0}}"),
        ("x.yaml:4:47: optimizer.learning_rate: inverse at step 0: "
        "ZeroDivisionError: float division by zero"),
    ),
    "init fails": (
        optimizer("{name: broken, at: init}"),
        "x.yaml:4:19: optimizer: one update with broken fails: KeyError: 'bias'",
    ),
    "update fails": (
        optimizer("{name: broken, at: update}"),
        "x.yaml:4:19: optimizer: one update with broken fails: KeyError: 'bias'",
    ),
    "a function as argument": (
        optimizer("{name: masked, inner: {name: clip, max_norm: 1}}"),
        ("x.yaml:4:19: optimizer.mask: masked needs the argument 'mask'. "
        "A config cannot express it: use it from Python."),
    ),
    "a value for a function": (
        optimizer("{name: masked, inner: {name: clip, max_norm: 1}, mask: decay}"),
        ("x.yaml:4:67: optimizer.mask: takes a function or a tree of arrays, "
        "which a config cannot express. Leave it out, or use it from Python."),
    ),
    "`swept` in a run": (
        optimizer("{name: adam, learning_rate: swept}"),
        ("x.yaml:4:40: optimizer.learning_rate: expected a number or a schedule {name: ...}, "
        "got 'swept'. Only a comparison sweeps."),
    ),
    "a comparison": (
        f"{HEAD}compare: {{}}",
        "x.yaml:4:1: compare: this is a comparison: use `ae-optax compare`.",
    ),
    "duplicate key": (
        RUN + "training: {seed: 1, seed: 2}",
        "x.yaml:5:21: training.seed: duplicate key 'seed' (first in line 5).",
    ),
    "duplicate section": (
        RUN + "loss: {name: mse}",
        "x.yaml:5:1: loss: duplicate key 'loss' (first in line 3).",
    ),
    "a number with too many digits": (
        RUN + f"training: {{seed: {'1' * 5000}}}",
        "x.yaml:5:18: training.seed: too many digits.",
    ),
    "a number too large for a float": (
        optimizer(f"{{name: adam, learning_rate: 1{'0' * 400}}}"),
        ("x.yaml:4:40: optimizer.learning_rate: the number is too large, "
        f"got 1{'0' * 56}...."),
    ),
    "a tag": (
        optimizer("{name: adam, learning_rate: !!python/name:os.system x}"),
        ("x.yaml:4:40: optimizer.learning_rate: tags are not supported, "
        "got 'tag:yaml.org,2002:python/name:os.system'."),
    ),
    "a tag on a list": (
        section("model", "{name: mlp, hidden: !tuple [1], code: 1}"),
        "x.yaml:1:28: model.hidden: tags are not supported, got '!tuple'.",
    ),
    "a tag on a key": (
        RUN + "!!int 3: 2\n",
        "x.yaml:5:1: a key must be one word, without a tag.",
    ),
    "a merge key": (
        optimizer("{<<: {b1: 0.5}, name: adam, learning_rate: 1}"),
        "x.yaml:4:13: optimizer.<<: YAML 1.2 has no merge keys: write out what it stands for.",
    ),
    "an empty file": ("", "x.yaml:1:1: a config is a mapping of sections, got nothing."),
    "only comments": ("# x\n", "x.yaml:1:1: a config is a mapping of sections, got nothing."),
    "a list at the top": ("\n- 1\n", "x.yaml:2:1: a config is a mapping of sections, got a list."),
    "text at the top": ("hello", "x.yaml:1:1: a config is a mapping of sections, got 'hello'."),
    "a tab": ("data:\n\tname: x\n", "x.yaml:2:1: invalid YAML: a tab cannot indent, use spaces."),
    "a bracket that stays open": (
        "data: [1\nmodel: 3\n",
        ("x.yaml:2:6: invalid YAML: while parsing a flow sequence, expected ',' or ']', "
        "but got ':'."),
    ),
    "a character that YAML forbids": (
        "a: 1\nb: \x07\n",
        r"x.yaml:2:4: invalid YAML: the character '\x07'.",
    ),
    "two documents": (
        "a: 1\n---\nb: 1\n",
        ("x.yaml:2:1: invalid YAML: expected a single document in the stream, "
        "but found another document."),
    ),
    "an anchor inside itself": ("data: &a [*a]\n", "x.yaml:1:1: invalid YAML: nested too deeply."),
    "too deep": ("[" * 5000, "x.yaml:1:1: invalid YAML: nested too deeply."),
    "a key that is no word": (
        RUN + "[1]: 2\n",
        "x.yaml:5:1: a key must be one word, without a tag.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line"), ONE_MISTAKE.values(), ids=ONE_MISTAKE)
def test_one_mistake_gets_its_line(tmp_path, text, line):
    assert line in mistakes(run, tmp_path, text)


ALONE = [name for name in ONE_MISTAKE if "section" not in name and name != "a tag"]


@pytest.mark.parametrize("name", ALONE)
def test_one_mistake_gets_no_second_line(tmp_path, name):
    assert len(mistakes(run, tmp_path, ONE_MISTAKE[name][0])) == 1


def test_all_mistakes_are_reported_in_the_order_of_the_file(tmp_path):
    text = """\
        data: {name: digit, validation: -1}
        model: {name: mlp, hidden: [32], code: 0}
        los: {name: mse}
        optimizer:
          name: adam_
          wieght_decay_mask: null
          b1: 2
          eps: -1
          learning_rate: {name: cosine, max_value: 1, durtion: 0}
        training: {epochs: 0, batch_size: true}
        """
    text = "\n".join(line[8:] for line in text.splitlines())
    assert [line.split(" ")[0:2] for line in mistakes(run, tmp_path, text)] == [
        ["x.yaml:1:14:", "data.name:"],
        ["x.yaml:2:40:", "model.code:"],
        ["x.yaml:3:1:", "los:"],
        ["x.yaml:5:9:", "optimizer.name:"],
        ["x.yaml:6:3:", "optimizer.wieght_decay_mask:"],
        ["x.yaml:7:7:", "optimizer.b1:"],
        ["x.yaml:8:8:", "optimizer.eps:"],
        ["x.yaml:9:47:", "optimizer.learning_rate.durtion:"],
        ["x.yaml:9:56:", "optimizer.learning_rate.duration:"],
        ["x.yaml:10:20:", "training.epochs:"],
        ["x.yaml:10:35:", "training.batch_size:"],
    ]


def test_one_call_reports_all_its_values_out_of_range(tmp_path):
    lines = mistakes(run, tmp_path, optimizer("{name: adam, learning_rate: 1, eps: -1, b1: 2}"))
    assert lines == [
        "x.yaml:4:48: optimizer.eps: `eps` must be positive, got -1.0.",
        "x.yaml:4:56: optimizer.b1: `decay` must lie in [0, 1), got 2.0.",
    ]


def test_values_out_of_range_are_reported_at_every_depth(tmp_path):
    text = optimizer(
        "{chain: [{name: adam, eps: -1, learning_rate: {name: cosine, max_value: 1, "
        "duration: 0}}, {name: adam, learning_rate: -1}]}"
    )
    assert [line.split(": ")[1] for line in mistakes(run, tmp_path, text)] == [
        "optimizer.chain[0].eps",
        "optimizer.chain[0].learning_rate.duration",
        "optimizer.chain[1].learning_rate",
    ]


def test_data_is_called_only_when_built(tmp_path):
    config = run(tmp_path, section("data", "{name: digits, validation: -1}"))
    with pytest.raises(ValueError, match=r"x.yaml:1:34: data.validation: `validation` must be at"):
        config.data.build()


def test_a_flood_of_mistakes_is_told_at_once_and_in_part(tmp_path):
    flood = ", ".join(f"zzzz{i}: 1" for i in range(20_000))
    found = mistakes(run, tmp_path, optimizer(f"{{name: adam, learning_rate: 1, {flood}}}"))
    assert len(found) == 51
    assert found[-1].endswith("optimizer: and 19950 more unknown names.")
    chain = ", ".join("{name: adamm, learning_rate: 1}" for _ in range(100))
    found = mistakes(run, tmp_path, optimizer(f"{{chain: [{chain}]}}"))
    assert ["Did you mean" in line for line in found] == [True] * 50 + [False] * 50
    items = ", ".join("x" for _ in range(1000))
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, section("model", f"{{name: mlp, hidden: [{items}], code: 1}}"))
    assert str(caught.value).splitlines()[-1] == "and 900 more."


def test_a_missing_file_is_named_with_the_nearest(tmp_path):
    run(tmp_path, RUN)
    with pytest.raises(ValueError, match=r"y\.yaml: cannot be read: No such file.* mean 'x.yaml'"):
        load_run(tmp_path / "y.yaml", kinds=KINDS)
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        load_run(tmp_path, kinds=KINDS)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ValueError, match="must be text in UTF-8; byte 3 is none"):
        load_run(tmp_path / "x.yaml")


def test_a_run_is_no_comparison(tmp_path):
    assert mistakes(comparison, tmp_path, RUN) == [
        "x.yaml:4:1: optimizer: this is a single run: use `ae-optax train`."
    ]
