"""Which of the contracts are tried with the slow tests."""

from pathlib import Path

import pytest
from enrolment import is_of_tried_pieces

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what is made of the same pieces as another that is tried."""
    for item in items:
        tried = item.callspec.params if hasattr(item, "callspec") else {}
        if HERE in item.path.parents and is_of_tried_pieces(tried.get("name", "")):
            item.add_marker(pytest.mark.slow)
