import pytest

from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.machines.command.chain import WriteData
from sfn_cqrs.machines.command.operations import ChainService, Link
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

NOBODY = ("AIRPORT", "XXX")
NARITA = ("AIRPORT", "NRT")


@pytest.fixture
def service(world):
    """The chain of Narita: 1 applied, 2 skipped, 3 failed, 4 blocked, 5 waiting."""
    outcomes = ("APPLIED", "SKIPPED", "FAILED", "BLOCKED", "WAITING")
    for version, outcome in enumerate(outcomes, start=1):
        world.seed_commands(a_command(version=version))
        world.seed(a_process(version=version, outcome=Outcome(outcome), token="token-5"))
    world.seed_rows(a_command())
    return ChainService("tenant1")


def test_a_chain_says_who_waits_for_whom(service):
    links = service.show(*NARITA).items

    assert [(link.command.version, link.process.outcome, link.waits_for) for link in links] == [
        (5, "WAITING", 4),
        (4, "BLOCKED", 3),
        (3, "FAILED", None),
        (2, "SKIPPED", None),
        (1, "APPLIED", None),
    ]


def test_a_version_that_an_import_applied_has_no_process(service, world):
    world.seed_commands(a_command(version=6))

    assert service.find(*NARITA, 6) == Link(a_command(version=6), None)


def test_what_does_not_exist_is_not_found(service):
    with pytest.raises(NotFoundError, match="AIRPORT XXX does not exist"):
        service.show(*NOBODY)
    with pytest.raises(NotFoundError, match="AIRPORT NRT has no version 9"):
        service.find(*NARITA, 9)
    for operation in (service.retry, service.skip):
        with pytest.raises(NotFoundError, match="version 9 does not exist, or an import applied"):
            operation(*NARITA, 9)


def test_a_program_that_writes_data_needs_the_command():
    def program():
        yield WriteData(1, 0)

    with pytest.raises(ValueError, match="was not given the command that it has to apply"):
        Chain(NRT).run(program())
