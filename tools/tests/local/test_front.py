import base64
import json

import pytest

from sfn_cqrs_tools.runtime.front import Front, http_response, match_route
from sfn_cqrs_tools.runtime.identity import ISSUER
from sfn_cqrs_tools.runtime.template import Route, Template
from sfn_local import FunctionError
from sfn_local.http_server import Request

ANY = Route("Api", "ANY", "/{proxy+}")
ITEM = Route("Api", "GET", "/items/{id}")


class Recording:
    """Functions that remember their event and answer what they are told to."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.function = ""
        self.event: dict = {}

    def invoke(self, function: str, payload: bytes) -> bytes:
        self.function, self.event = function, json.loads(payload)
        if isinstance(self.answer, FunctionError):
            raise self.answer
        return json.dumps(self.answer).encode()


def ask(
    path: str, *, routes=(ANY, ITEM), method="GET", headers=None, body=b"", cors=None, answer=None
):
    functions = Recording(answer or {"statusCode": 200, "body": "ok"})
    path, _, query = path.partition("?")
    request = Request(method, path, query, headers or {}, body)
    response = Front(routes, functions, cors or {}).handle(request)
    return response, functions


def test_the_event_is_a_payload_of_format_2():
    headers = {
        "host": "x",
        "content-type": "application/json",
        "cookie": "a=1; b=2",
        "user-agent": "ua",
    }

    _, functions = ask("/items/7?q=1&q=2&e=%C3%A4", headers=headers, body=b'{"a":1}')

    event = functions.event
    context = event.pop("requestContext")
    assert event == {
        "version": "2.0",
        "routeKey": "GET /items/{id}",
        "rawPath": "/items/7",
        "rawQueryString": "q=1&q=2&e=%C3%A4",
        "cookies": ["a=1", "b=2"],
        "headers": {"host": "x", "content-type": "application/json", "user-agent": "ua"},
        "queryStringParameters": {"q": "1,2", "e": "ä"},
        "pathParameters": {"id": "7"},
        "body": '{"a":1}',
        "isBase64Encoded": False,
    }
    assert context["http"] == {
        "method": "GET",
        "path": "/items/7",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "ua",
    }
    assert (context["routeKey"], context["stage"]) == ("GET /items/{id}", "$default")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {},
            {
                "sub": "local-user",
                "cognito:username": "local-user",
                "custom:tenant": "tenant1",
                "cognito:groups": "[operator]",
                "token_use": "id",
                "iss": ISSUER,
            },
        ),
        (
            {"x-tenant-code": "acme", "x-user": "ann", "x-roles": "clerk, boss"},
            {
                "sub": "ann",
                "cognito:username": "ann",
                "custom:tenant": "acme",
                "cognito:groups": "[clerk boss]",
                "token_use": "id",
                "iss": ISSUER,
            },
        ),
        ({"x-tenant-code": "", "x-user": "", "x-roles": ""}, {"token_use": "id", "iss": ISSUER}),
        (
            {"x-user": "", "x-tenant-code": "", "x-roles": "shift operator, boss"},
            {"cognito:groups": "[boss]", "token_use": "id", "iss": ISSUER},
        ),
        (
            {"x-user": "太郎".encode().decode("latin-1"), "x-roles": ""},
            {
                "sub": "太郎",
                "cognito:username": "太郎",
                "custom:tenant": "tenant1",
                "token_use": "id",
                "iss": ISSUER,
            },
        ),
    ],
)
def test_claims_are_made_of_headers(headers, expected):
    _, functions = ask("/x", headers=headers)

    assert functions.event["requestContext"]["authorizer"]["jwt"]["claims"] == expected


def test_a_caller_by_iam_is_made_of_headers():
    headers = {"x-tenant-code": "*", "x-user": "ann", "x-iam-role": "stack-operators"}
    _, functions = ask("/x", headers=headers)

    arn = "arn:aws:sts::000000000000:assumed-role/stack-operators/ann"
    assert functions.event["requestContext"]["authorizer"] == {"iam": {"userArn": arn}}


def test_a_route_without_an_authorizer_gets_no_claims():
    _, functions = ask("/docs", routes=[Route("Api", "GET", "/docs", has_authorizer=False)])

    assert "authorizer" not in functions.event["requestContext"]


@pytest.mark.parametrize(
    ("path", "raw_path", "code"),
    [
        ("/items/taro%40example.com", "/items/taro@example.com", "taro@example.com"),
        ("/items/a%2Fb", "/items/a/b", "a/b"),
        ("/items/100%25", "/items/100%", "100%"),
        ("/items/%E6%9D%B1%E4%BA%AC", "/items/東京", "東京"),
        ("/items/a+b", "/items/a+b", "a+b"),
    ],
)
def test_paths_are_decoded_and_an_encoded_slash_separates_nothing(path, raw_path, code):
    _, functions = ask(path)

    assert functions.event["rawPath"] == raw_path
    assert functions.event["pathParameters"] == {"id": code}


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/a/b", "GET /a/b"),
        ("POST", "/a/b", "ANY /a/b"),
        ("GET", "/a/c", "GET /a/{id}"),
        ("GET", "/a/c/d", "ANY /a/{proxy+}"),
        ("GET", "/z", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ],
)
def test_the_most_specific_route_wins(method, path, route):
    routes = [
        Route("Api", "ANY", "$default"),
        Route("Api", "ANY", "/{proxy+}"),
        Route("Api", "ANY", "/a/{proxy+}"),
        Route("Api", "GET", "/a/{id}"),
        Route("Api", "ANY", "/a/b"),
        Route("Api", "GET", "/a/b"),
    ]

    _, functions = ask(path, routes=routes, method=method)

    assert functions.event["routeKey"] == route


def test_an_empty_segment_is_no_parameter():
    assert match_route(ITEM, "GET", "/items/") is None


def test_a_greedy_parameter_takes_the_rest():
    assert match_route(ANY, "PUT", "/a/b%2Fc/d") == {"proxy": "a/b/c/d"}


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", "ä".encode(), ("ä", False)),
        ("application/merge-patch+json", b"{}", ("{}", False)),
        ("text/csv", b"a,b", ("a,b", False)),
        ("application/json", b"\xff", ("/w==", True)),
        ("application/zip", b"PK", ("UEs=", True)),
        ("application/x-www-form-urlencoded", b"a=1", ("YT0x", True)),
    ],
)
def test_a_body_that_is_no_text_is_base64(kind, body, expected):
    _, functions = ask("/x", method="POST", headers={"content-type": kind}, body=body)

    assert (functions.event["body"], functions.event["isBase64Encoded"]) == expected


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/items/%FF", b"", 400),
        ("/items/1", b"x" * (6 * 1024 * 1024 + 1), 413),
        ("/nothing", b"", 404),
    ],
)
def test_what_reaches_no_function_is_refused(path, body, status):
    response, functions = ask(path, routes=[ITEM], body=body)

    assert response.status == status
    assert functions.event == {}


def test_a_function_that_fails_is_an_internal_error_that_tells_nothing():
    response, _ = ask("/x", answer=FunctionError("ValueError", "secret"))

    assert (response.status, response.body) == (500, b'{"message": "Internal Server Error"}')


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"statusCode": 201, "headers": {"X-A": 1}, "body": "é", "cookies": ["a=1"]},
            (201, {"X-A": "1", "Content-Type": "text/plain;charset=UTF-8"}, "é".encode(), ["a=1"]),
        ),
        (
            {
                "statusCode": 200,
                "headers": {"Content-Type": "image/png"},
                "body": base64.b64encode(b"\x89").decode(),
                "isBase64Encoded": True,
            },
            (200, {"Content-Type": "image/png"}, b"\x89", []),
        ),
        (
            {"statusCode": 204, "headers": {"content-type": "text/csv"}},
            (204, {"content-type": "text/csv"}, b"", []),
        ),
        ({"a": 1}, (200, {"Content-Type": "application/json"}, b'{"a": 1}', ())),
    ],
)
def test_an_answer_becomes_a_response(answer, expected):
    response = http_response(answer)

    assert (response.status, response.headers, response.body, response.cookies) == expected


@pytest.fixture
def cors(toy):
    return Template.load(toy, parameters={"Issuer": "https://i.test"}).cors


def test_a_preflight_is_answered_without_the_function(cors):
    headers = {"origin": "https://shop.example", "access-control-request-method": "POST"}

    response, functions = ask("/x", method="OPTIONS", headers=headers, cors=cors)

    assert response.status == 204
    assert response.headers == {
        "Access-Control-Allow-Origin": "https://shop.example",
        "Access-Control-Allow-Methods": "GET,POST",
        "Access-Control-Allow-Headers": "content-type",
        "Access-Control-Max-Age": "60",
    }
    assert functions.event == {}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [("https://shop.example", "https://shop.example"), ("https://evil", None)],
)
def test_an_answer_names_an_allowed_origin_only(cors, origin, expected):
    response, _ = ask("/x", headers={"origin": origin}, cors=cors)

    assert response.headers.get("Access-Control-Allow-Origin") == expected


@pytest.mark.parametrize("origin", ["https://a.example", "*", "null"])
def test_a_wildcard_or_null_allows_no_origin_here(origin):
    headers = {"origin": origin, "access-control-request-method": "POST"}
    cors = {"AllowOrigins": ["*", "null"], "AllowMethods": ["*"]}

    response, functions = ask("/x", method="OPTIONS", headers=headers, cors=cors)

    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert functions.event["requestContext"]["http"]["method"] == "OPTIONS"


def test_without_cors_an_options_request_goes_to_the_function():
    headers = {"origin": "https://a", "access-control-request-method": "GET"}

    _, functions = ask("/x", method="OPTIONS", headers=headers)

    assert functions.event["requestContext"]["http"]["method"] == "OPTIONS"
