import pytest

from sfn_cqrs_tools.testing.quick_stack import quick_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """One stack for all of these commands: it takes as long to start as ten of them."""
    with quick_stack(state_dir=tmp_path_factory.mktemp("state"), traces=True) as started:
        yield started
        assert started.denied == []
