import math

import pytest

from ae_optax.lab import _format


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01234, "0.0123"),
        (0.012, "0.0120"),
        (0.99999, "1.00"),
        (12.345, "12.3"),
        (123456.0, "123000"),
        (1e6, "1.00 × 10⁶"),
        (3.162e-5, "3.16 × 10⁻⁵"),
        (-0.5, "-0.500"),
        (0.0, "0"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert _format.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-3, "0.001"), (0.0031623, "0.00316"), (100.0, "100"), (1e-5, "10⁻⁵"), (2e-5, "2 × 10⁻⁵")],
)
def test_rates_have_no_empty_zeros(value, text):
    assert _format.rate(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.001, "< 1 %"), (1 / 3, "33 %"), (1.0, "100 %"), (None, "–")],
)
def test_only_an_exact_nothing_is_no_share(share, text):
    assert _format.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(31.44, "31.4 s"), (600.0, "10 min"), (9000.0, "2.50 h")]
)
def test_durations_have_a_unit_that_suits(seconds, text):
    assert _format.duration(seconds) == text


def test_one_of_a_kind_is_singular():
    assert [_format.counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


def test_words_are_listed_as_in_a_sentence():
    assert _format.listed(["a"]) == "a"
    assert _format.listed(["a", "b", "c"]) == "a, b and c"


def test_a_range_says_when_a_seed_was_lost():
    assert _format.span(0.1, None) == "0.100–diverged"


def test_counts_have_their_thousands_apart():
    assert _format.integer(12345.0) == "12\N{NARROW NO-BREAK SPACE}345"
    assert _format.integer(None) == "–"
