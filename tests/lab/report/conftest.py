import pytest
from made_up import example, fill


@pytest.fixture
def comparison():
    return example()


@pytest.fixture
def folder(tmp_path, comparison):
    return fill(tmp_path, comparison)
