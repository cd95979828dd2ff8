import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from functions.api.decide_by_link.app import app as links
from functions.api.handle_request.app import app
from jsonschema import Draft202012Validator
from tests.support.api import api_routes
from tests.unit.api.schemas import described

from sfn_cqrs.api import document as document_module
from sfn_cqrs.api import page
from sfn_cqrs.api.declared import own_routes
from sfn_cqrs.api.resources import RESOURCES
from sfn_cqrs.kernel.http.operation import operation_of
from sfn_cqrs.kernel.http.problems import status_of

ROOT = Path(__file__).parents[3]
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in described()["paths"].items()
    for method, operation in methods.items()
}
IDS = [f"{method} {path}" for method, path in OPERATIONS]


def own():
    """The routes of the user's package, which are behind the default one."""
    return {(one.method, one.path) for one in own_routes()}


@pytest.fixture
def document(call):
    return call("GET", "/openapi.json").body


def test_it_describes_the_routes_that_are_declared_and_no_others(document):
    described_routes = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    } - own()
    answered = [*app._static_routes, *app._dynamic_routes, *links._dynamic_routes]

    assert described_routes == {(route.method, route.path) for route in api_routes()} - {
        ("ANY", "$default"),
        ("OPTIONS", "/{proxy+}"),
        ("POST", "/webhooks/{proxy+}"),
    }
    assert len(described_routes) == len(answered)


def test_it_is_openapi_3_1_with_a_token_on_every_route_but_the_page(document):
    public = [path for (_, path), each in OPERATIONS.items() if each.get("security") == []]

    assert document["openapi"] == "3.1.0"
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert sorted(public) == ["/approvals/{id}/decide", "/approvals/{id}/decide", "/docs"]


def test_every_schema_is_one_and_every_reference_leads_somewhere(document):
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert references - {"OpenApi"} <= document["components"]["schemas"].keys()


@pytest.mark.parametrize(("route", "operation"), OPERATIONS.items(), ids=IDS)
def test_an_operation_says_all_of_itself(route, operation):
    path = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}

    assert operation["summary"].endswith(".")
    assert path == {part[1:-1] for part in route[1].split("/") if part.startswith("{")}
    assert "500" in operation["responses"]
    assert ("401" in operation["responses"]) == (operation.get("security") is None)


def test_names_of_operations_are_unlike():
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)


def test_every_problem_of_a_route_has_a_status_of_its_own():
    declared = {
        problem
        for each in RESOURCES
        for route in each.registered
        for problem in operation_of(route.function).problems
    }

    assert {problem: status_of(problem) for problem in declared if status_of(problem) >= 500} == {}


def test_a_body_names_exactly_what_is_taken(call):
    document = described()
    for (method, path), operation in OPERATIONS.items():
        if "requestBody" not in operation:
            continue
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][name.rpartition("/")[2]]
        refusal = call(method, path, {"surprise": 1}).body

        known = ", ".join(sorted(schema["properties"]))
        assert refusal["detail"] == f"surprise: is not known; known: {known}"


def test_who_has_no_tenant_is_told_nothing(call):
    assert call("GET", "/openapi.json", claims={}).status == 401


class Page(HTMLParser):
    """What a page loads, links to, and marks."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.links, self.anchors, self.forms = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.loaded += [found[name] for name in ("src", "srcset") if name in found]
        self.loaded += [found["href"]] if tag == "link" else []
        self.links += [found["href"]] if tag == "a" else []
        self.anchors += [found["id"]] if "id" in found else []
        if tag == "form":
            self.forms.append((found["data-method"], found["data-path"]))


def test_the_page_shows_every_route_and_loads_nothing(call):
    answer = call("GET", "/docs")
    page = Page(answer.text)

    assert answer.content_type == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert page.loaded == []
    assert sorted(page.forms) == sorted([*OPERATIONS, *own()])
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.anchors)


def test_the_page_is_for_browsers_which_have_no_token(call):
    assert call("GET", "/docs", claims={}).status == 200


def test_there_is_no_page_in_prod(call, monkeypatch):
    monkeypatch.setenv("STAGE", "prod")

    answer = call("GET", "/docs")

    assert (answer.status, answer.body["code"]) == (404, "not_found")


def test_a_cold_start_builds_and_imports_none_of_it():
    code = (
        "import sys; import functions.api.handle_request.app; "
        f"print({{'pydantic', {document_module.__name__!r}, {page.__name__!r}}} & {{*sys.modules}})"
    )
    path = ":".join(str(ROOT / folder) for folder in (".", "layer", "app"))

    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, check=True, capture_output=True
    )

    assert done.stdout.decode().strip() == "set()"
