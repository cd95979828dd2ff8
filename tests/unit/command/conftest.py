import pytest
from tests.fakes.builders import NRT, a_command, a_process

from sfn_cqrs.domain.process import Outcome


@pytest.fixture
def chain_of(world):
    """Return a maker of Narita's chain: version 1, 2, … each with an outcome, or gone (None).

    An applied version has written the data row; a waiting one has the token `token-<version>`.
    """

    def make(*outcomes):
        for version, outcome in enumerate(outcomes, start=1):
            if outcome is None:
                continue
            command = a_command(version=version)
            world.store.commands.put((NRT, version), command)
            is_waiting = outcome == "WAITING"
            process = a_process(
                version=version,
                outcome=Outcome(outcome),
                token=f"token-{version}" if is_waiting else None,
                token_seq=0 if is_waiting else None,
            )
            world.seed(process)
            if outcome == "APPLIED":
                world.store.rows.put(NRT, command.as_row())
        return world

    return make
