"""What may be asked for without a token invokes nothing that may do anything."""

import re

import pytest
from tests.support.api import api_routes, gateway_routes
from tests.support.proof import sampled
from tests.template.stack import ISSUER, ROOT, TEMPLATE, translated

from sfn_cqrs_tools.runtime.front import match_route
from sfn_cqrs_tools.runtime.template import Route, Template

PUBLIC = {
    ("GET", "/docs"): "ApiShowDocsFunction",
    ("OPTIONS", "/{proxy+}"): "ApiShowDocsFunction",
    ("GET", "/approvals/{id}/decide"): "ApiDecideByLinkFunction",
    ("POST", "/approvals/{id}/decide"): "ApiDecideByLinkFunction",
    ("POST", "/webhooks/{proxy+}"): "ApiReceiveWebhookFunction",
}


def test_every_route_without_a_token_has_a_function_of_its_own() -> None:
    public = {
        (route.method, route.path): route.function
        for route in TEMPLATE.routes
        if not route.has_authorizer
    }

    assert public == PUBLIC
    assert [route for route in TEMPLATE.routes if route.has_authorizer] == [
        Route("ApiHandleRequestFunction", "ANY", "$default", alias="live")
    ]


def test_each_route_of_the_code_that_is_not_public_is_asked_for_with_a_token() -> None:
    """API Gateway's own order: a declared route before $default, which has the authorizer."""
    for declared in api_routes():
        path = re.sub(r"\{[^}]+\}", "x", declared.path)
        method = "GET" if declared.method == "ANY" else declared.method
        first = next(one for one in gateway_routes() if match_route(one, method, path) is not None)
        is_public = (declared.method, declared.path) in PUBLIC

        assert first.has_authorizer is not is_public, declared
    assert len(api_routes()) > 50


@pytest.mark.parametrize("stage", sampled(["prod", "stg", "dev"], 1))
def test_the_page_of_the_api_may_do_nothing(stage: str) -> None:
    template = Template.load(ROOT / "template.yaml", parameters={**ISSUER, "Stage": stage})

    role = template.translate()["Resources"]["ApiShowDocsFunctionRole"]["Properties"]

    assert "Policies" not in role
    managed = [str(arn).rpartition("/")[2].strip("'}") for arn in role["ManagedPolicyArns"]]
    assert managed == ["AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"]


def test_links_that_are_switched_off_may_do_nothing() -> None:
    role = translated()["ApiDecideByLinkFunctionRole"]["Properties"]

    ((condition, granted, otherwise),) = [policy["Fn::If"] for policy in role["Policies"]]

    assert condition == "HasApprovalLinks"
    assert otherwise == {"Ref": "AWS::NoValue"}
    actions = [each["Action"] for each in granted["PolicyDocument"]["Statement"]]
    assert actions == [
        ["dynamodb:GetItem", "dynamodb:PutItem"],
        ["dynamodb:GetItem", "dynamodb:Query"],
        "s3:GetObject",
        "states:SendTaskSuccess",
        "secretsmanager:GetSecretValue",
    ]


def test_what_members_use_cannot_read_the_secret_of_links() -> None:
    role = translated()["ApiHandleRequestFunctionRole"]["Properties"]

    assert "secretsmanager" not in str(role)
