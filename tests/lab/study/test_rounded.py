"""Numbers as a file of results keeps them."""

import math

import numpy as np

from ae_optax.lab.study import rounded


def test_significant_digits_are_kept_whatever_the_size():
    assert rounded(0.000123456) == 0.0001235
    assert rounded(-98765.4, digits=2) == -99000.0
    assert rounded(0) == 0.0


def test_what_is_not_finite_is_none():
    assert rounded([[1.00004, None], [math.nan, -math.inf]]) == [[1.0, None], [None, None]]


def test_arrays_become_lists_of_plain_numbers():
    found = rounded(np.array([1, 2], np.float32))
    assert found == [1.0, 2.0]
    assert {type(value) for value in found} == {float}
