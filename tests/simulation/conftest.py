from collections.abc import Iterator

import pytest
from tests.support.system import silent


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    with silent():
        yield
