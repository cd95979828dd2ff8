"""Routes of the user's package: behind the framework's own, with the same answers and guards."""

import pytest
from botocore.exceptions import ClientError

from sfn_cqrs.api import declared as routes
from sfn_cqrs.api import resources
from sfn_cqrs.api.declared import RESERVED, route
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError, SqlRefusedError
from sfn_cqrs.kernel.policy import CODE, MEMBERS, group


@pytest.fixture(autouse=True)
def _registry(monkeypatch):
    monkeypatch.setattr(routes, "_routes", {})


def a_route(
    method="GET", path="/birds/{name}", allow=MEMBERS, query=("colour",), needed=(), raises=None
):
    """Register a route that answers what it is asked."""

    @route(method, path, allow=allow, query=query, needed=needed)
    def look_at_bird(asked):
        """Look at a bird."""
        if raises is not None:
            raise raises
        return {
            "who": [asked.tenant, asked.user, *sorted(asked.groups)],
            "path": dict(asked.path),
            "query": dict(asked.query),
            "body": dict(asked.body),
        }


def test_a_request_comes_with_who_asks_and_for_what(call):
    a_route()

    answer = call("GET", "/birds/red%20kite", query={"colour": "red"})

    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.body == {
        "who": ["tenant1", "taro", "operator"],
        "path": {"name": "red kite"},
        "query": {"colour": "red"},
        "body": {},
    }


def test_a_body_is_read_as_json(call):
    a_route("POST", "/birds")

    assert call("POST", "/birds", {"wings": 2}).body["body"] == {"wings": 2}
    assert call("POST", "/birds", "{").body["code"] == "invalid_input"


@pytest.mark.parametrize(("allow", "status"), [(CODE, 403), (group("ringer"), 403), (MEMBERS, 200)])
def test_who_may_is_what_is_declared(call, allow, status):
    a_route(allow=allow)

    answer = call("GET", "/birds/kite")

    assert answer.status == status
    if status == 403:
        assert answer.body["code"] == "not_permitted"
        assert "allow" in answer.body["detail"]


def test_without_a_tenant_nobody_is_answered(call):
    a_route()

    assert call("GET", "/birds/kite", claims={}).status == 401


def test_a_request_without_a_needed_parameter_is_refused_and_the_description_says_so(call):
    a_route(needed=("day",))

    answer = call("GET", "/birds/kite", query={"colour": "red"})
    good = call("GET", "/birds/kite", query={"day": "2026-12-02"})
    described = call("GET", "/openapi.json").body["paths"]["/birds/{name}"]["get"]["parameters"]

    assert (answer.status, answer.body["field"]) == (400, "day")
    assert answer.body["detail"] == "day: is missing in the query"
    assert good.body["query"] == {"day": "2026-12-02"}
    needed = {one["name"]: one["required"] for one in described if one["in"] == "query"}
    assert needed == {"day": True, "colour": False}


def test_a_fault_of_a_routes_code_does_not_ask_to_try_again(call):
    a_route(raises=KeyError("day"))

    answer = call("GET", "/birds/kite")

    assert answer.status == 500
    assert answer.body["detail"] == "the code that answers this has failed; it is logged"


def test_an_unknown_parameter_is_refused(call):
    a_route()

    answer = call("GET", "/birds/kite", query={"color": "red"})

    assert (answer.status, answer.body["field"]) == (400, "color")
    assert "known: colour" in answer.body["detail"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInputError("colour", "is none"), 400, "invalid_input"),
        (NotFoundError("no such bird"), 404, "not_found"),
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem"), 503, "busy"),
        (RuntimeError("secret"), 500, "internal_error"),
        (SqlRefusedError("22021", "no text", "secret"), 400, "sql_refused"),
        (SqlRefusedError("42P01", "no table secret"), 500, "sql_refused"),
    ],
)
def test_errors_are_problem_documents(call, error, status, code):
    a_route(raises=error)

    answer = call("GET", "/birds/kite")

    assert (answer.status, answer.body["code"]) == (status, code)
    assert "secret" not in answer.text


def test_what_is_no_route_at_all_is_told_as_ever(call):
    a_route()

    assert call("GET", "/fishes").body["code"] == "no_such_route"
    assert call("DELETE", "/birds/kite").body["code"] == "no_such_route"


def test_the_description_has_it(call):
    a_route()

    described = call("GET", "/openapi.json").body["paths"]["/birds/{name}"]["get"]

    assert (described["operationId"], described["summary"]) == ("lookAtBird", "Look at a bird.")
    assert [each["name"] for each in described["parameters"]] == ["name", "colour"]
    assert described["x-permitted"]["text"].startswith("Members of the tenant")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("FETCH", "/birds"),
        ("GET", "birds"),
        ("GET", "/birds/"),
        ("GET", "/Birds"),
        ("GET", "/birds/<name>"),
        *(("GET", f"/{first}/x") for first in sorted(RESERVED) if first != "openapi.json"),
    ],
)
def test_what_cannot_be_a_route_is_refused_when_it_is_declared(method, path):
    with pytest.raises(ValueError, match=r"is none of|cannot be a path"):
        route(method, path)


def test_a_route_is_declared_in_one_module():
    a_route()
    with pytest.raises(ValueError, match=r"is a route of .*test_app_routes already"):
        route("GET", "/birds/{name}")(type("Elsewhere", (), {"__module__": "shop.other"}))


def test_what_is_reserved_is_what_the_framework_has():
    own = {
        one.rule.split("/")[1]
        for each in (*resources.RESOURCES, resources.DESCRIPTION)
        for one in each.registered
    }

    assert own | {"console"} == RESERVED
