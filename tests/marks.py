"""How a case is tried with the slow tests."""

import pytest


def slow(*values):
    """Return cases of one parameter each, marked as slow."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
