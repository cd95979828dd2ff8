"""A task token is a secret: whoever holds it ends the wait."""

import json
from unittest import mock

from tests.simulation.crashes import failing
from tests.support.airports import Airport

from sfn_local.executions.tokens import Tokens


def test_no_task_token_is_seen_outside_of_the_table(system, log, capsys):
    issued = []
    issue = Tokens.issue

    def remembering(tokens, *arguments):
        issued.append(issue(tokens, *arguments))
        return issued[-1]

    with mock.patch.object(Tokens, "issue", remembering):
        airport = Airport(system)
        for name in ("one", "two", "three"):
            airport.publish(name)
        system.poll()
        system.stream.pending.reverse()
        while any(outcome == "OPEN" for outcome in airport.outcomes()[1:]):
            system.step()
        waiting = [
            system.api("GET", "/commands/AIRPORT/NRT"),
            system.api("GET", "/commands/AIRPORT/NRT/3"),
        ]
        with failing(system):
            system.run()
        chain = system.api("GET", "/commands/AIRPORT/NRT")
        airport.operate(1, "retry")
        system.run()
        system.sweep()

    airport.assert_complete()
    assert len(issued) >= 2
    seen = {
        "log": log.getvalue() + "".join(capsys.readouterr()),
        "responses": json.dumps([waiting, chain]),
        "messages": json.dumps([system.notices(), system.failures(), system.stream.given_up]),
        "executions": json.dumps(system.executions(), default=str),
    }
    assert all(len(text) > 100 for text in seen.values())
    found = [(where, token) for where, text in seen.items() for token in issued if token in text]
    assert found == []
