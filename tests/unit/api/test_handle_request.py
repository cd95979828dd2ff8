import base64
import json
from threading import Barrier, Thread, local
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from functions.api.handle_request.app import lambda_handler
from tests.support.orders import NOWHERE

from sfn_cqrs.kernel.caller import Identity
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import AppBrokenError, BusyError, TransientError
from sfn_cqrs.kernel.http import request
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

BUSY = [
    ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem"),
    ClientError(
        {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        },
        "TransactWriteItems",
    ),
    ReadTimeoutError(endpoint_url="https://dynamodb"),
    BusyError("others keep writing this item"),
    TransientError("the strategy asks for another try"),
]

NOON = "2026-11-25T12:00:00.000Z"
NARITA = {"type": "AIRPORT", "code": "NRT", "name": "Narita", "attributes": {"country": "JP"}}
OTHER = {"custom:tenant": "tenant2", "cognito:groups": "[operator]"}
READER = {
    "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Sample",
    "custom:tenant": "tenant1",
    "cognito:username": "hanako",
    "cognito:groups": "[staff]",
}
AUDIT = {
    "createdAt": "2026-11-25T08:00:00.000Z",
    "createdBy": "taro",
    "updatedAt": "2026-11-25T09:00:00.000Z",
    "updatedBy": "hanako",
}
STORED = {
    "type": "AIRPORT",
    "code": "NRT",
    "version": 1,
    "commandId": "NRT-1",
    "name": "Narita",
    "isDeleted": False,
    "attributes": {"country": "JP", "lat": 35.7647},
    "source": "api",
    **AUDIT,
}
CODES = [
    "a@1",
    "%41",
    "a+b",
    "a&b=c?d",
    "'\"\\|^`{}<>[]",
    ".",
    "é",
    "👨‍👩‍👧",
    "/",
    "~tilde",
]


def base64url(code):
    return "~" + base64.urlsafe_b64encode(code.encode()).decode().rstrip("=")


def encoded(code):
    """A code in the form that survives API Gateway."""
    return base64url(code) if "/" in code or code.startswith("~") else quote(code, safe="")


def store(world, *outcomes, key=NRT):
    """Put versions 1, 2, … with their outcomes; an applied one has written the row."""
    for version, outcome in enumerate(outcomes, start=1):
        command = a_command(key, version)
        world.seed_commands(command)
        world.seed(a_process(key, version, outcome=Outcome(outcome)))
        if outcome == "APPLIED":
            world.seed_rows(command)


class TestPublish:
    def test_a_version_is_accepted(self, call, world):
        answer = call("POST", "/commands", NARITA)

        command = world.commands.find(NRT, 1)
        assert answer.status == 202
        assert answer.content_type == "application/json"
        assert answer.body == {
            "type": "AIRPORT",
            "code": "NRT",
            "version": 1,
            "commandId": command.id,
        }
        assert command.created == Audit(NOON, "taro", "192.0.2.10")
        assert (command.source, command.request_id) == ("api", "VVlYZgX0oAMEPlQ=")

    def test_the_sample_event_is_one_that_is_answered(self, sample, world):
        answer = lambda_handler(sample("api/handle_request"), None)

        assert (answer["statusCode"], json.loads(answer["body"])["version"]) == (202, 1)
        kept = [item["sk"] for item in world.dynamodb.items("RequestsTable")]
        assert kept.count({"S": "REQUEST"}) == 1

    def test_a_synchronous_version_is_applied(self, call, world):
        answer = call("POST", "/commands", NARITA | {"mode": "sync"})

        assert (answer.status, answer.body["version"]) == (200, 1)
        assert world.data.find(NRT).version == 1

    def test_a_synchronous_version_that_is_handed_over_is_accepted(self, call, world):
        order = {"type": "ORDER", "code": "o-1", "name": "x", "attributes": NOWHERE}

        answer = call("POST", "/commands", order | {"mode": "sync"})

        assert (answer.status, answer.body["version"]) == (202, 1)
        key = ItemKey("tenant1", "ORDER", "o-1")
        assert world.processes.find(key, 1).ref == CommandRef(key, 1, 2)

    def test_what_is_unchanged_says_so(self, call):
        first = call("POST", "/commands", NARITA)
        again = call("POST", "/commands", NARITA | {"version": 1})

        assert again.status == 200
        assert again.body == first.body | {"unchanged": True}

    def test_a_deletion_may_be_published(self, call, world):
        call("POST", "/commands", NARITA | {"isDeleted": True})

        assert world.commands.find(NRT, 1).is_deleted is True

    def test_a_key_used_for_something_else_is_unprocessable(self, call):
        headers = {"idempotency-key": "key-1"}
        call("POST", "/commands", NARITA, headers=headers)

        answer = call("POST", "/commands", NARITA | {"name": "other"}, headers=headers)

        assert (answer.status, answer.body["code"]) == (422, "idempotency_key_reused")

    def test_a_body_may_come_in_base64(self, call, world):
        call("POST", "/commands", NARITA | {"name": "成田"}, is_base64=True)

        assert world.commands.find(NRT, 1).name == "成田"

    def test_numbers_keep_their_digits(self, call, world):
        text = json.dumps(NARITA).replace('"JP"', '"JP", "lat": 35.7647, "n": 1E+30, "i": 1.0')

        assert call("POST", "/commands", text).status == 202

        attributes = world.commands.find(NRT, 1).attributes
        assert attributes == {"country": "JP", "lat": 35.7647, "n": 10**30, "i": 1}

    @pytest.mark.parametrize("code", CODES)
    def test_any_code_is_published_and_found_again(self, code, call, world):
        call("POST", "/commands", NARITA | {"code": code, "mode": "sync"})
        path = f"AIRPORT/{encoded(code)}"

        assert world.data.find(ItemKey("tenant1", "AIRPORT", code)).version == 1
        found = [
            call("GET", f"/data/{path}"),
            call("GET", f"/commands/{path}/1"),
        ]
        assert [(answer.status, answer.body["code"]) for answer in found] == [(200, code)] * 2
        assert call("GET", f"/commands/{path}").status == 200
        assert call("GET", f"/data/{path}/history").body == {"items": []}
        assert call("DELETE", f"/commands/{path}").body["code"] == code

    @pytest.mark.parametrize("code", CODES)
    def test_any_code_may_be_sent_in_base64url(self, code, call, world):
        store(world, "APPLIED", key=ItemKey("tenant1", "AIRPORT", code))

        assert call("GET", f"/data/AIRPORT/{base64url(code)}").body["code"] == code

    def test_a_percent_encoded_slash_separates_since_the_api_decodes_it(self, call, world):
        store(world, "APPLIED", key=ItemKey("tenant1", "AIRPORT", "a/b"))

        assert call("GET", "/data/AIRPORT/a%2Fb").body["code"] == "no_such_route"
        assert call("GET", f"/data/AIRPORT/{base64url('a/b')}").body["code"] == "a/b"

    def test_a_code_is_found_by_its_parameter_where_a_route_names_it(self, event_of, world):
        store(world, "APPLIED", key=ItemKey("tenant1", "AIRPORT", "a/history"))
        event = event_of("GET", "/data/AIRPORT/a%2Fhistory")
        parameters = {"type": "AIRPORT", "code": "a/history"}
        event |= {"routeKey": "GET /data/{type}/{code}", "pathParameters": parameters}

        answer = lambda_handler(event, None)

        assert event["rawPath"] == "/data/AIRPORT/a/history"
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (200, "a/history")

    def test_a_partial_change_keeps_what_it_does_not_name(self, call, world):
        call("POST", "/commands", NARITA)
        answer = call(
            "POST",
            "/commands",
            {"type": "AIRPORT", "code": "NRT", "partial": True, "attributes": {"city": "Narita"}},
        )

        assert (answer.status, answer.body["version"]) == (202, 2)
        assert world.commands.find(NRT, 2).name == "Narita"
        assert world.commands.find(NRT, 2).attributes == {"country": "JP", "city": "Narita"}


class TestDelete:
    def test_a_deletion_is_published(self, call, world):
        store(world, "APPLIED")

        answer = call("DELETE", "/commands/AIRPORT/NRT")

        command = world.commands.find(NRT, 2)
        assert (answer.status, answer.body["version"]) == (202, 2)
        assert (command.is_deleted, command.updated.by) == (True, "taro")

    def test_a_deletion_may_name_the_version_it_knows(self, call, world):
        store(world, "APPLIED")

        conflict = call("DELETE", "/commands/AIRPORT/NRT", query={"version": "4"})
        answer = call("DELETE", "/commands/AIRPORT/NRT", query={"version": "1"})

        assert (conflict.status, conflict.body["currentVersion"]) == (409, 1)
        assert answer.status == 202


class TestChain:
    def test_a_chain_says_who_waits_for_whom(self, call, world):
        store(world, "APPLIED", "FAILED", "BLOCKED")
        world.seed(a_process(version=2, outcome=Outcome.FAILED, error="Error", cause="cause"))

        answer = call("GET", "/commands/AIRPORT/NRT")

        item = {
            "name": "Narita",
            "isDeleted": False,
            "status": "start",
            "attempt": 1,
            "mode": "ASYNC",
            "lane": "STANDARD",
            "openedAt": "2026-11-25T09:00:00.000Z",
            "statusAt": "2026-11-25T09:00:00.000Z",
            **AUDIT,
        }
        failure = {"outcome": "FAILED", "error": "Error", "cause": "cause"}
        assert answer.status == 200
        assert answer.body == {
            "items": [
                {"version": 3, "commandId": "NRT-3", "outcome": "BLOCKED", "waitsFor": 2, **item},
                {"version": 2, "commandId": "NRT-2", **failure, **item},
                {"version": 1, "commandId": "NRT-1", "outcome": "APPLIED", **item},
            ]
        }

    def test_a_version_is_shown_with_its_attributes(self, call, world):
        store(world, "APPLIED")

        answer = call("GET", "/commands/AIRPORT/NRT/1")

        assert answer.status == 200
        assert answer.body == {
            **STORED,
            "status": "start",
            "outcome": "APPLIED",
            "attempt": 1,
            "mode": "ASYNC",
            "lane": "STANDARD",
            "openedAt": "2026-11-25T09:00:00.000Z",
            "statusAt": "2026-11-25T09:00:00.000Z",
        }

    def test_no_answer_has_a_token(self, call, world):
        store(world, "OPEN", "WAITING")
        world.seed(a_process(version=2, outcome=Outcome.WAITING, token="secret", token_seq=0))

        answers = [
            call("GET", "/commands/AIRPORT/NRT").text,
            call("GET", "/commands/AIRPORT/NRT/2").text,
        ]

        assert "secret" not in "".join(answers)

    def test_an_operator_retries_what_failed(self, call, world):
        store(world, "FAILED")

        answer = call("POST", "/commands/AIRPORT/NRT/1/retry")

        assert (answer.status, answer.body) == (202, {"version": 1, "attempt": 2})
        assert world.processes.find(NRT, 1).status == "start"

    @pytest.mark.parametrize("verb", ["retry", "skip"])
    def test_a_version_keeps_who_repaired_it_last_and_when(self, verb, call, world):
        store(world, "FAILED")

        call("POST", f"/commands/AIRPORT/NRT/1/{verb}")

        shown = call("GET", "/commands/AIRPORT/NRT/1").body
        assert (shown["repairedBy"], shown["repairedAt"]) == ("taro", shown["statusAt"])

    def test_a_version_keeps_the_agent_through_which_a_person_repaired_it(self, call, world):
        store(world, "FAILED")

        call(
            "POST",
            "/commands/AIRPORT/NRT/1/skip",
            headers={"x-agent": "helper 2.1\n<b>" + "x" * 99},
        )

        shown = call("GET", "/commands/AIRPORT/NRT/1").body
        assert shown["repairedBy"] == f"taro (agent helper 2.1b{'x' * 49})"

    def test_an_operator_skips_what_failed(self, call, world):
        store(world, "FAILED")

        answer = call("POST", "/commands/AIRPORT/NRT/1/skip")

        assert (answer.status, answer.body) == (
            202,
            {"version": 1, "outcome": "SKIPPED", "contentStays": False},
        )
        assert world.processes.find(NRT, 1).outcome is Outcome.SKIPPED

    @pytest.mark.parametrize("verb", ["retry", "skip"])
    def test_what_has_not_failed_is_not_repaired(self, verb, call, world):
        store(world, "APPLIED")

        answer = call("POST", f"/commands/AIRPORT/NRT/1/{verb}")

        assert (answer.status, answer.body["code"]) == (409, "not_failed")
        assert answer.body["detail"] == "version 1 is APPLIED, not FAILED or BLOCKED"

    def test_a_version_that_an_import_applied_is_shown_as_applied(self, call, world):
        world.seed_commands(a_command())

        body = call("GET", "/commands/AIRPORT/NRT/1").body

        assert (body["outcome"], body["status"], body["mode"]) == (
            "APPLIED",
            "finish:FINISHED",
            "SYNC",
        )


class TestData:
    def test_an_item_is_shown_as_it_is(self, call, world):
        store(world, "APPLIED")

        answer = call("GET", "/data/AIRPORT/NRT")

        assert answer.status == 200
        assert answer.body == {**STORED, "outcome": "APPLIED"}

    def test_twenty_items_make_a_page_unless_told_otherwise(self, call, world):
        for number in range(21):
            store(world, "APPLIED", key=ItemKey("tenant1", "AIRPORT", f"{number:02d}"))

        assert len(call("GET", "/data", query={"type": "AIRPORT"}).body["items"]) == 20

    def test_what_an_item_was_before_is_listed(self, call, world):
        for version in (1, 2, 3):
            world.seed_rows(a_command(version=version))
            world.history.append(world.data.snapshot(NRT))

        first = call("GET", "/data/AIRPORT/NRT/history", query={"limit": "2"}).body
        more = {"limit": "2", "cursor": first["nextCursor"]}
        second = call("GET", "/data/AIRPORT/NRT/history", query=more).body

        assert [item["version"] for item in first["items"] + second["items"]] == [3, 2, 1]

    def test_a_deleted_item_is_shown_where_it_is_asked_for(self, call, world):
        world.seed_rows(a_command(version=2, is_deleted=True))

        hidden = call("GET", "/data/AIRPORT/NRT")
        shown = call("GET", "/data/AIRPORT/NRT", query={"deleted": "true"})
        listed = call("GET", "/data", query={"type": "AIRPORT"})

        assert (hidden.status, hidden.body["code"]) == (404, "deleted")
        assert (shown.status, shown.body["isDeleted"]) == (200, True)
        assert listed.body == {"items": []}

    def test_items_are_listed_page_by_page(self, call, world):
        for code in "abc":
            store(world, "APPLIED", key=ItemKey("tenant1", "AIRPORT", code))

        first = call("GET", "/data", query={"type": "AIRPORT", "limit": "2"}).body
        more = {"type": "AIRPORT", "limit": "2", "cursor": first["nextCursor"]}
        second = call("GET", "/data", query=more).body

        assert [item["code"] for item in first["items"] + second["items"]] == ["a", "b", "c"]
        assert "nextCursor" not in second


class TestWhoAsks:
    ROUTES = (
        ("POST", "/commands"),
        ("DELETE", "/commands/AIRPORT/NRT"),
        ("GET", "/commands/AIRPORT/NRT"),
        ("GET", "/commands/AIRPORT/NRT/1"),
        ("POST", "/commands/AIRPORT/NRT/1/retry"),
        ("POST", "/commands/AIRPORT/NRT/1/skip"),
        ("GET", "/data/AIRPORT/NRT"),
        ("GET", "/data/AIRPORT/NRT/history"),
    )

    @pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/data")])
    def test_without_a_claim_that_names_a_tenant_nobody_is_answered(
        self, method, path, call, world
    ):
        store(world, "FAILED")
        headers = {"x-tenant-code": "tenant1", "x-user": "taro", "x-roles": "operator"}

        answer = call(method, path, NARITA, claims={}, headers=headers)

        assert (answer.status, answer.body["code"]) == (401, "unauthorized")

    @pytest.mark.parametrize("authorizer", [None, {}, {"jwt": None}, {"jwt": {}}])
    def test_without_an_authorizer_nobody_is_answered(self, authorizer, event_of, world):
        store(world, "APPLIED")
        event = event_of("GET", "/data/AIRPORT/NRT", headers={"x-tenant-code": "tenant1"})
        event["requestContext"]["authorizer"] = authorizer

        assert lambda_handler(event, None)["statusCode"] == 401

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/commands"), ("GET", "/imports"), ("GET", "/data/A/b")]
    )
    def test_the_claims_of_each_request_are_read_once(self, method, path, call, monkeypatch):
        read = []

        def counted(claims):
            read.append(claims["custom:tenant"])
            return of_claims(claims)

        of_claims = Identity.of_claims
        monkeypatch.setattr(Identity, "of_claims", counted)
        body = {"type": "AIRPORT", "code": "NRT", "name": "Narita", "attributes": {}}
        for tenant in ("tenant1", "tenant2"):
            call(method, path, body, claims={"custom:tenant": tenant, "sub": "taro"})

        assert read == ["tenant1", "tenant2"]

    def test_requests_that_are_answered_at_once_do_not_see_each_others_claims(
        self, event_of, world, monkeypatch
    ):
        for tenant in ("tenant1", "tenant2"):
            store(world, "APPLIED", key=ItemKey(tenant, "AIRPORT", tenant))
        both_are_inside, asked = Barrier(2, timeout=60), local()
        event_of_this_thread = request.current_event

        def event_once_both_are_inside():
            if not hasattr(asked, "before"):
                asked.before = True
                both_are_inside.wait()
            return event_of_this_thread()

        monkeypatch.setattr(request, "current_event", event_once_both_are_inside)
        answers = {}

        def delete(tenant):
            claims = {"custom:tenant": tenant, "sub": f"user of {tenant}"}
            event = event_of("DELETE", f"/commands/AIRPORT/{tenant}", claims=claims)
            answers[tenant] = lambda_handler(event, None)["statusCode"]

        threads = [Thread(target=delete, args=(tenant,)) for tenant in ("tenant1", "tenant2")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert answers == {"tenant1": 202, "tenant2": 202}
        for tenant in ("tenant1", "tenant2"):
            command = world.commands.find(ItemKey(tenant, "AIRPORT", tenant), 2)
            assert (command.is_deleted, command.updated.by) == (True, f"user of {tenant}")


class TestProblems:
    def test_a_problem_is_a_document_of_rfc_9457(self, call):
        answer = call("GET", "/data/AIRPORT/NRT")

        assert answer.status == 404
        assert answer.content_type == "application/problem+json"
        assert answer.body == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "AIRPORT NRT does not exist",
            "code": "not_found",
        }

    def test_a_conflict_carries_the_current_version(self, call, world):
        store(world, "APPLIED", "APPLIED")

        answer = call("POST", "/commands", NARITA | {"name": "x", "version": 1})

        assert answer.status == 409
        assert answer.body == {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "the current version is 2",
            "code": "version_conflict",
            "currentVersion": 2,
        }

    def test_a_busy_chain_says_which_version_is_in_the_way(self, call, world):
        store(world, "BLOCKED")

        answer = call("POST", "/commands", NARITA | {"name": "x", "version": 1, "mode": "sync"})

        assert answer.status == 409
        assert answer.body["code"] == "chain_busy"
        assert (answer.body["version"], answer.body["outcome"]) == (1, "BLOCKED")

    def test_an_unknown_type_is_refused_with_those_that_exist(self, call):
        answer = call("POST", "/commands", NARITA | {"type": "AIRPROT"})

        assert answer.status == 400
        assert (answer.body["code"], answer.body["field"]) == ("unknown_type", "type")
        assert answer.body["detail"].startswith(
            "type: 'AIRPROT' is not registered (did you mean AIRPORT?); known types: "
        )
        assert {"AIRPORT", "ORDER"} <= set(answer.body["known"])

    @pytest.mark.parametrize(
        "path",
        [
            "/data/AIRPROT/NRT",
            "/data",
            "/data/AIRPROT/NRT/history",
            "/commands/AIRPROT/NRT",
            "/commands/AIRPROT/NRT/1",
        ],
    )
    def test_where_nothing_is_found_of_an_unknown_type_the_type_is_told(self, call, path):
        answer = call("GET", path, query={"type": "AIRPROT"})

        assert (answer.status, answer.body["code"]) == (400, "unknown_type")

    def test_an_empty_list_of_an_unknown_type_of_task_says_so(self, call):
        answer = call("GET", "/tasks", query={"taskType": "ORDER_REMAINDER"})

        assert (answer.status, answer.body["code"]) == (400, "unknown_task_type")
        assert "did you mean ORDER_REMINDER?" in answer.body["detail"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"type": 5}, "type"),
            ({"code": "x" * 257}, "code"),
            ({"attributes": {"a": {"b": [1e300]}}}, "attributes.a.b[0]"),
            ({"version": -2}, "version"),
            ({"isDeleted": "no"}, "isDeleted"),
            ({"mode": "later"}, "mode"),
            ({"partial": True, "name": 1.5}, "name"),
            ({"vresion": 1}, "vresion"),
        ],
    )
    def test_a_bad_field_is_refused_by_its_name_and_nothing_is_written(
        self, change, field, call, world
    ):
        answer = call("POST", "/commands", NARITA | change)

        assert (answer.status, answer.body["code"], answer.body["field"]) == (
            400,
            "invalid_input",
            field,
        )
        assert len(world.stored_commands()) == 0

    def test_an_unknown_field_is_refused_with_those_that_are_known(self, call):
        answer = call("POST", "/commands", NARITA | {"isDelted": True})

        assert answer.body["detail"] == (
            "isDelted: is not known; known: after, at, attributes, code, isDeleted, mode, name,"
            " partial, replace, type, version"
        )

    def test_even_a_field_that_is_no_text_is_named_in_plain_ascii(self, call):
        answer = call("POST", "/commands", json.dumps(NARITA | {"\ud800": True}))

        assert answer.status == 400
        assert answer.text.isascii()

    @pytest.mark.parametrize(
        "body",
        [
            None,
            "",
            "{",
            "no JSON",
            '{"a": NaN}',
            '{"a": Infinity}',
            '{"a": -Infinity}',
            "[]",
            "5",
            '"text"',
            "null",
            "[" * 100_000,
            '{"a": ' + "9" * 5_000 + "}",
        ],
        ids=lambda body: str(body)[:20],
    )
    def test_a_body_that_is_no_json_object_is_refused(self, body, call):
        answer = call("POST", "/commands", body)

        assert (answer.status, answer.body["field"]) == (400, "body")

    def test_a_body_that_is_no_utf_8_is_refused(self, event_of, world):  # noqa: ARG002
        event = event_of("POST", "/commands", NARITA)
        event |= {"body": base64.b64encode(b'{"a": "\xff"}').decode(), "isBase64Encoded": True}

        answer = lambda_handler(event, None)

        assert (answer["statusCode"], json.loads(answer["body"])["field"]) == (400, "body")

    def test_a_body_of_4_mib_is_read_and_a_larger_one_is_not(self, call, world):
        limit = 4 * 1024 * 1024
        empty = json.dumps(NARITA | {"attributes": {"country": "JP", "x": ""}})
        filled = empty.replace('"x": ""', f'"x": "{"y" * (limit - len(empty))}"')

        too_large = call("POST", "/commands", filled + " ")

        assert (too_large.status, too_large.body["code"]) == (413, "body_too_large")
        assert len(world.stored_commands()) == 0
        assert call("POST", "/commands", filled).status == 202

    @pytest.mark.parametrize("limit", ["0", "101", "１０", "9" * 5_000])
    def test_a_bad_limit_is_refused(self, limit, call, world):
        store(world, "APPLIED")

        for path in ("/commands/AIRPORT/NRT", "/data/AIRPORT/NRT/history", "/data"):
            answer = call("GET", path, query={"limit": limit, "type": "AIRPORT"})
            assert (answer.status, answer.body["field"]) == (400, "limit"), path

    def test_a_list_needs_a_type(self, call):
        answer = call("GET", "/data")

        assert (answer.status, answer.body["detail"]) == (400, "type: is needed: /data?type=ORDER")

    @pytest.mark.parametrize("version", ["x", "٣", "9" * 5_000])
    def test_a_version_that_is_no_number_is_refused(self, version, call, world):
        store(world, "APPLIED")

        answer = call("DELETE", "/commands/AIRPORT/NRT", query={"version": version})

        assert (answer.status, answer.body["field"]) == (400, "version")

    @pytest.mark.parametrize("version", ["2", "-1", "100000000"])
    def test_a_version_that_there_is_not_is_not_found(self, version, call, world):
        store(world, "FAILED")

        statuses = [
            call("GET", f"/commands/AIRPORT/NRT/{version}").status,
            call("POST", f"/commands/AIRPORT/NRT/{version}/retry").status,
            call("POST", f"/commands/AIRPORT/NRT/{version}/skip").status,
        ]

        assert statuses == [404, 404, 404]

    @pytest.mark.parametrize("segment", ["~", "~%", "~a", "~_w", "~w6k!"])
    def test_a_code_that_is_no_base64url_of_a_text_is_refused(self, segment, call):
        answer = call("GET", f"/data/AIRPORT/{segment.replace('%', '%25')}")

        assert (answer.status, answer.body["field"]) == (400, "code")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", "/nothing"),
            ("PUT", "/commands"),
            ("GET", "/commands"),
            ("POST", "/data"),
        ],
    )
    def test_a_path_that_is_no_route_is_not_found(self, method, path, call):
        answer = call(method, path)

        assert answer.content_type == "application/problem+json"
        assert (answer.status, answer.body["code"]) == (404, "no_such_route")

    @pytest.mark.parametrize("error", BUSY, ids=repr)
    def test_an_aws_that_is_busy_is_told_to_ask_again(self, call, world, monkeypatch, log, error):
        def find(_key):
            raise error

        monkeypatch.setattr(world.data, "find", find)

        answer = call("GET", "/data/AIRPORT/NRT")

        assert answer.content_type == "application/problem+json"
        assert (answer.status, answer.body["code"]) == (503, "busy")
        assert answer.body["detail"] == "nothing is lost; send the same request again"
        assert answer.headers["Retry-After"] == "2"
        assert "a request was answered 503" in log.getvalue()
        assert "a request failed" not in log.getvalue()

    def test_an_app_that_cannot_be_loaded_is_named_and_its_code_is_not_told(
        self, call, monkeypatch, log
    ):
        broken = AppBrokenError("shop.orders", "SyntaxError: bad", '  File "orders.py", line 3')
        monkeypatch.setattr(handlers, "load", lambda: _raise(broken))

        answer = call("POST", "/commands", NARITA)

        assert (answer.status, answer.body["code"]) == (500, "app_broken")
        assert answer.body["detail"] == "shop.orders cannot be imported; its log says why"
        assert "orders.py" in log.getvalue()

    def test_any_other_error_says_nothing_of_itself_but_to_the_log(
        self, call, world, monkeypatch, log
    ):
        monkeypatch.setattr(world.data, "find", _broken)

        answer = call("GET", "/data/AIRPORT/NRT")

        assert answer.content_type == "application/problem+json"
        assert (answer.status, answer.body["code"]) == (500, "internal_error")
        assert "secret" not in answer.text
        assert "a request failed" in log.getvalue()

    @pytest.mark.parametrize("field", ["type", "code", "name", "attributes"])
    def test_a_missing_field_is_named(self, field, call):
        lacking = {name: value for name, value in NARITA.items() if name != field}

        answer = call("POST", "/commands", lacking)

        assert (answer.status, answer.body["detail"]) == (400, f"{field}: is missing")


class TestCatchAllRoute:
    """Where one route takes every path, as in the API for machines, nothing has been matched."""

    @pytest.fixture(params=["$default", "ANY /{proxy+}"])
    def by_default(self, request, event_of):
        def send(method, path):
            event = event_of(method, path)
            proxy = event["rawPath"].removeprefix("/")
            parameters = None if request.param == "$default" else {"proxy": proxy}
            event |= {"routeKey": request.param, "pathParameters": parameters}
            return lambda_handler(event, None)

        return send

    @pytest.mark.parametrize("code", CODES)
    def test_any_code_is_found(self, code, by_default, world):
        store(world, "APPLIED", key=ItemKey("tenant1", "AIRPORT", code))

        answer = by_default("GET", f"/data/AIRPORT/{encoded(code)}")

        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (200, code)

    def test_every_route_is_found(self, by_default, world):
        store(world, "FAILED")
        world.seed_rows(a_command())

        statuses = [
            by_default("GET", "/commands/AIRPORT/NRT")["statusCode"],
            by_default("GET", "/commands/AIRPORT/NRT/1")["statusCode"],
            by_default("GET", "/data/AIRPORT/NRT/history")["statusCode"],
            by_default("POST", "/commands/AIRPORT/NRT/1/retry")["statusCode"],
            by_default("GET", "/nothing")["statusCode"],
        ]

        assert statuses == [200, 200, 200, 202, 404]


def _raise(error):
    raise error


def _broken(_key):
    raise RuntimeError("secret")
