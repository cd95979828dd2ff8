"""One stack for these files: each has tenants of its own."""

import pytest

from sfn_cqrs_tools.testing.quick_stack import quick_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    with quick_stack(state_dir=tmp_path_factory.mktemp("state")) as started:
        yield started
