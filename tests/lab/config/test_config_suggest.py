"""Suggestions are the names that a mistyped one was most likely meant for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_optax.lab.config._names import distance, nearest

NAMES = ["adam", "adamw", "adamax", "nadam", "sgd", "rmsprop", "optax.lamb", "optax.adam"]
KEYS = ["learning_rate", "b1", "b2", "eps", "weight_decay", "weight_decay_mask", "batch_size"]


@pytest.mark.parametrize(
    ("word", "names", "expected"),
    [
        ("adma", NAMES, ["adam"]),
        ("adam_w", NAMES, ["adamw"]),
        ("Adam", NAMES, ["adam"]),
        ("lamb", NAMES, ["optax.lamb"]),
        ("optax.lmab", NAMES, ["optax.lamb"]),
        ("transformer", NAMES, []),
        ("lr", KEYS, ["learning_rate"]),
        ("wd", KEYS, ["weight_decay"]),
        ("bs", ["batch_size", "epochs"], ["batch_size"]),
        ("b", KEYS, ["b1", "b2"]),
        ("batch-size", KEYS, ["batch_size"]),
        ("learn", KEYS, ["learning_rate"]),
        ("mask", KEYS, ["weight_decay_mask"]),
        ("zzz", KEYS, []),
        ("", KEYS, []),
        ("x", [], []),
    ],
)
def test_the_nearest_names_are_suggested(word, names, expected):
    assert nearest(word, names) == expected


WORDS = st.text("ab_", max_size=6)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_for_equals_only(a, b):
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= distance(a, b) <= max(len(a), len(b))


@given(st.text("abc", min_size=2, max_size=6), st.data())
def test_a_swap_of_neighbours_is_one_mistake(word, data):
    i = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    assert distance(word, swapped) == (swapped != word)
