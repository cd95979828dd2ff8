import pytest

from sfn_cqrs_tools.testing.quick_stack import quick_stack

PARAMETERS = {"ApprovalLinks": "enabled", "Events": "enabled", "ImportOnUpload": "enabled"}


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """One stack of a template whose parameters switch on what is off without them."""
    folder = tmp_path_factory.mktemp("state")
    with quick_stack(state_dir=folder, parameters=PARAMETERS) as started:
        yield started
        assert started.denied == []
