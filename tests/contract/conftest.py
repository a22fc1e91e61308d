"""Which of the contracts are tried with the slow tests."""

from pathlib import Path

import pytest
from enrolment import OF_THE_SAME_PIECES

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what is made of the same pieces as another that is tried."""
    for item in items:
        tried = item.callspec.params if hasattr(item, "callspec") else {}
        if HERE in item.path.parents and tried.get("name") in OF_THE_SAME_PIECES:
            item.add_marker(pytest.mark.slow)
