"""A task token of an approval is a secret as well: nobody outside of the table sees it."""

import json
from unittest import mock

from tests.support.approval_system import ApprovalSystem, assert_ended

from sfn_cqrs.domain.approval import Rules
from sfn_local.executions.tokens import Tokens

DAY = 86_400


def test_no_task_token_is_seen_outside_of_the_table(log, capsys):
    issued = []
    issue = Tokens.issue

    def remembering(tokens, *arguments):
        issued.append(issue(tokens, *arguments))
        return issued[-1]

    rules = Rules(("taro", "jiro"), needed=2, four_eyes=False)
    with mock.patch.object(Tokens, "issue", remembering), ApprovalSystem(rules=rules) as system:
        id_ = system.ask()
        system.run()
        shown = [
            system.api("GET", "/approvals"),
            system.api("GET", f"/approvals/{id_}"),
        ]
        system.decide("approve", "jiro")
        system.pass_time(DAY + 1)
        shown.append(system.api("POST", f"/approvals/{id_}/approve"))
        shown.append(system.api("POST", f"/approvals/{id_}/approve"))
        system.run()
        system.sweep()
        shown.append(system.api("GET", f"/approvals/{id_}"))

        assert_ended(system)
        messages = [system.world.events.messages, system.world.failures.messages]
        executions = system.executions()
    seen = {
        "log": log.getvalue() + "".join(capsys.readouterr()),
        "responses": json.dumps(shown),
        "messages": json.dumps(messages),
        "executions": json.dumps(executions, default=str),
    }
    assert [status for status, _ in shown] == [200, 200, 200, 200, 200]
    assert len(issued) >= 2
    assert all(len(text) > 100 for text in seen.values())
    found = [(where, token) for where, text in seen.items() for token in issued if token in text]
    assert found == []
