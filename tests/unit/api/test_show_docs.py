from functions.api.show_docs.app import app, lambda_handler


def test_the_page_needs_no_token(sample, world):  # noqa: ARG001 - it is served over the fakes
    answer = lambda_handler(sample("api/show_docs"), None)

    assert answer["statusCode"] == 200
    assert "<h1>" in answer["body"]


def test_it_answers_nothing_else_without_a_token(sample, world):  # noqa: ARG001
    event = sample("api/show_docs") | {"routeKey": "OPTIONS /{proxy+}", "rawPath": "/commands"}
    event["requestContext"]["http"] |= {"method": "OPTIONS", "path": "/commands"}

    answer = lambda_handler(event, None)

    assert answer["statusCode"] == 404
    assert {route.rule.pattern for route in app._static_routes} <= {"^/docs$", "^/openapi.json$"}
