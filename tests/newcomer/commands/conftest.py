import pytest

from sfn_cqrs_tools.testing.quick_stack import quick_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """One stack for what a person looks at and mistypes."""
    with quick_stack(state_dir=tmp_path_factory.mktemp("state")) as started:
        yield started
