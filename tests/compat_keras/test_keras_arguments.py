"""The arguments of `ae_optax.compat.keras`: Keras's own, checked when an optimizer is made."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from keras_made import CLASSES, OPTIMIZERS, make, signature

from ae_optax.compat import keras as compat

GOLDEN = json.loads((Path(__file__).parent / "keras_signatures.json").read_text())
# What Keras does not have: a transformation does not know the rate that it scales.
OURS_ALONE = {"reduce_lr_on_plateau": ["learning_rate"]}


def test_every_function_has_its_namesake_in_keras():
    functions = {name for name in compat.__all__ if name[0].islower()}
    assert functions == set(CLASSES)
    assert set(GOLDEN) == set(CLASSES)
    assert compat.__all__ == sorted(compat.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_names_order_kinds_and_defaults_are_those_of_keras(name):
    arguments = signature(getattr(compat, name))
    ours_alone = OURS_ALONE.get(name, [])
    assert [a for a in arguments if a[0] not in ours_alone] == GOLDEN[name]
    assert all(a[1] == "KEYWORD_ONLY" for a in arguments if a[0] in ours_alone)


@pytest.mark.slow
def test_the_golden_signatures_are_those_of_keras_itself(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    for name, found in CLASSES.items():
        places = keras.optimizers, keras.optimizers.schedules, keras.callbacks
        (real,) = (getattr(place, found) for place in places if hasattr(place, found))
        assert signature(real.__init__) == GOLDEN[name]


def test_needs_no_keras():
    program = (
        "import sys; sys.modules['keras'] = sys.modules['flax'] = None\n"
        "from ae_optax.compat import keras; keras.adam()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


EVERY = pytest.mark.parametrize("name", OPTIMIZERS)


@EVERY
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"learning_rate": -1.0}, "`learning_rate` must be"),
        ({"weight_decay": -0.1}, "`weight_decay` must be at least 0 and finite, got -0.1"),
        ({"clipnorm": 0.0}, "`clipnorm` must be positive and finite, got 0.0"),
        ({"clipvalue": -1}, "`clipvalue` must be positive and finite, got -1"),
        ({"global_clipnorm": 0}, "`global_clipnorm` must be positive and finite, got 0"),
        (
            {"clipnorm": 1.0, "clipvalue": 2.0},
            "At most one of .* must be given, got clipnorm=1.0, clipvalue=2.0",
        ),
        (
            {"use_ema": True, "ema_momentum": 1.5},
            r"`ema_momentum` must lie in \[0, 1\], got 1.5",
        ),
        (
            {"use_ema": True, "ema_overwrite_frequency": 0},
            "`ema_overwrite_frequency` must be at least 1, got 0",
        ),
        ({"loss_scale_factor": 0.0}, "`loss_scale_factor` must be positive and finite, got 0.0"),
        (
            {"gradient_accumulation_steps": 1},
            "`gradient_accumulation_steps` must be at least 2, got 1",
        ),
        (
            {"gradient_accumulation_steps": 2.5},
            "`gradient_accumulation_steps` must be an integer, got 2.5",
        ),
    ],
)
def test_a_common_option_out_of_its_range_is_an_error(name, option, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make(name, **option)


@EVERY
@pytest.mark.parametrize(
    "option", ["learning_rate", "weight_decay", "clipnorm", "loss_scale_factor"]
)
def test_a_common_option_that_is_no_number_is_an_error(name, option):
    with pytest.raises(TypeError, match=f"`{option}` must be a number, got 'much'"):
        make(name, **{option: "much"})


@EVERY
def test_an_unknown_argument_is_an_error(name):
    with pytest.raises(TypeError, match="unexpected keyword argument 'decay'"):
        make(name, decay=0.1)


UNIT = r"must lie in \[0, 1\), got 1.5"
POSITIVE = "must be positive and finite, got 0.0"
NEGATIVE = "must be at least 0 and finite, got -0.5"


@pytest.mark.parametrize(
    ("name", "argument", "value", "message"),
    [
        ("sgd", "momentum", 1.5, UNIT),
        ("adagrad", "initial_accumulator_value", -0.5, NEGATIVE),
        ("adagrad", "epsilon", 0.0, POSITIVE),
        ("rmsprop", "rho", 1.5, UNIT),
        ("rmsprop", "rho", 0.0, POSITIVE),  # It is made with `centered`.
        ("rmsprop", "momentum", 1.5, UNIT),
        ("rmsprop", "epsilon", 0.0, POSITIVE),
        ("adadelta", "rho", 1.5, UNIT),
        ("adadelta", "epsilon", 0.0, POSITIVE),
        *(
            (name, argument, value, message)
            for name in ("adam", "adamw", "adamax", "nadam", "lamb")
            for argument, value, message in [
                ("beta_1", 1.5, UNIT),
                ("beta_2", 1.5, UNIT),
                ("epsilon", 0.0, POSITIVE),
            ]
        ),
        ("lion", "beta_1", 0.0, POSITIVE),
        ("lion", "beta_1", 1.5, UNIT),
        ("lion", "beta_2", 1.5, UNIT),
        ("ftrl", "learning_rate", 0.0, POSITIVE),
        ("ftrl", "learning_rate_power", 0.5, "must be at most 0, got 0.5"),
        ("ftrl", "initial_accumulator_value", -0.5, NEGATIVE),
        ("ftrl", "l1_regularization_strength", -0.5, NEGATIVE),
        ("ftrl", "l2_regularization_strength", -0.5, NEGATIVE),
        ("ftrl", "l2_shrinkage_regularization_strength", -0.5, NEGATIVE),
        ("ftrl", "beta", -0.5, NEGATIVE),
        ("adafactor", "beta_2_decay", 0.0, "must be negative, got 0.0"),
        ("adafactor", "epsilon_1", 0.0, POSITIVE),
        ("adafactor", "epsilon_2", 0.0, POSITIVE),
        ("adafactor", "clip_threshold", 0.0, POSITIVE),
        ("muon", "adam_beta_1", 1.5, UNIT),
        ("muon", "adam_beta_2", 1.5, UNIT),
        ("muon", "adam_weight_decay", -0.5, NEGATIVE),
        ("muon", "momentum", 1.5, UNIT),
        ("muon", "adam_lr_ratio", -0.5, NEGATIVE),
        ("muon", "muon_b", float("inf"), "must be finite, got inf"),
        ("muon", "ns_steps", -1, "must be at least 0, got -1"),
        ("muon", "rms_rate", -0.5, NEGATIVE),
    ],
)
def test_an_argument_out_of_its_range_is_an_error(name, argument, value, message):
    with pytest.raises(ValueError, match=f"`{argument}` {message}"):
        make(name, **{argument: value})


def test_adamw_asks_for_a_weight_decay():
    with pytest.raises(TypeError, match="`weight_decay` must be a number, got None"):
        compat.adamw(weight_decay=None)


@EVERY
def test_numbers_may_be_traced(name):
    numbers = {
        argument: value
        for argument, _, default in GOLDEN[name]
        if isinstance(value := eval(default or "None"), float)
    }

    @jax.jit
    def update(numbers):
        optimizer = make(name, **numbers)
        params = {"w": jax.numpy.ones((3, 2))}
        return optimizer.update(params, optimizer.init(params), params)[0]

    assert jax.numpy.all(jax.numpy.isfinite(update(numbers)["w"]))
