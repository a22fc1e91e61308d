"""Scalars are those of YAML 1.2, wherever they stand in a file."""

import json
import math

import pytest
import yaml
from config_fakes import HEAD, RUN, run, write
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_optax.lab.config import Problems, Where, anything
from ae_optax.lab.config._yaml import _Dumper, parse
from ae_optax.lab.plans import description

FILE = Where("x.yaml", 1, 1)


def read(text):
    problems = Problems()
    node = parse(text, FILE, problems)
    problems.raise_if_any()
    return anything(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("+1.", 1.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        *((word, word) for word in ["no", "yes", "on", "Off", "y", "n", "nan", "inf", "e3", "."]),
        *((word, word) for word in ["1_000", "12:30", "0b1", "2001-01-01", "1e", "--1", "="]),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 12", "12"),
    ],
)
def test_a_scalar_is_read_as_yaml_1_2_says(text, value):
    read_value = read(text)
    assert read_value == value
    assert type(read_value) is type(value)


@given(st.one_of(st.floats(), st.integers()))
def test_numbers_are_read_as_python_writes_them(number):
    text = repr(number)
    text = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(text, text)
    value = read(text)
    assert type(value) is type(number)
    assert value == number or (math.isnan(value) and math.isnan(number))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(SCALARS, lambda t: st.lists(t) | st.dictionaries(st.just("key"), t))


@settings(deadline=None)  # On a busy machine a single tree may take long.
@given(TREES)
def test_what_is_dumped_is_read_back(value):
    text = yaml.dump(value, Dumper=_Dumper, allow_unicode=True)
    assert read(text) == value


@given(st.from_regex(r"[-+0-9.eExobnyfa_]{1,6}", fullmatch=True))
def test_text_that_looks_like_a_number_is_dumped_as_text(text):
    assert read(yaml.dump([text], Dumper=_Dumper)) == [text]


def test_anchors_stand_for_what_they_name(tmp_path):
    text = (
        f"{HEAD}optimizer:\n  name: quotient\n  numerator: &clip {{name: clip, max_norm: 1}}\n"
        "  denominator: *clip\n"
    )
    arguments = run(tmp_path, text).optimizer.arguments
    assert arguments["numerator"] == arguments["denominator"]


def test_an_override_of_an_anchor_changes_one_place(tmp_path):
    text = (
        f"{HEAD}optimizer:\n  name: quotient\n  numerator: &clip {{name: clip, max_norm: 1}}\n"
        "  denominator: *clip\n"
    )
    arguments = run(tmp_path, text, "optimizer.numerator.max_norm=2").optimizer.arguments
    assert arguments["numerator"].arguments["max_norm"] == 2
    assert arguments["denominator"].arguments["max_norm"] == 1


def test_json_indented_by_tabs_is_a_config(tmp_path):
    config = run(tmp_path, RUN)
    text = json.dumps(config.plain(), indent="\t")
    assert "\n\t\t" in text
    assert run(tmp_path, text) == config


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    assert run(tmp_path, "\ufeff" + RUN) == run(tmp_path, RUN)


def test_the_description_is_the_comment_at_the_top(tmp_path):
    text = "# Question: why?\n#\n#   because\n#Expect: 3\n\n# not this\ndata: 1 # nor this\n"
    path = write(tmp_path, text)
    assert description(path) == "Question: why? because\nExpect: 3"
    assert description(write(tmp_path, "data: 1\n")) == ""
    with pytest.raises(ValueError, match="cannot be read"):
        description(tmp_path / "missing.yaml")
