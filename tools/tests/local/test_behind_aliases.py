"""What the doctor says of functions whose alias has not followed a deploy."""

from typing import Any

from botocore.exceptions import ClientError

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.published import Behind, behind_aliases

ARN = "arn:aws:lambda:us-east-1:111111111111:function"
LAYERS = [{"Arn": "layer:1"}]


class Stacks:
    """A project's stack, and the framework's in it, whose resources are on two pages."""

    def __init__(self, *functions: str) -> None:
        aliases = [("AWS::Lambda::Alias", f"{ARN}:{one}:live") for one in functions]
        inner = ("AWS::CloudFormation::Stack", "the-nested")
        self.pages = {"clinic": [[inner]], "the-nested": [aliases[:1], aliases[1:]]}

    def get_paginator(self, _name: str) -> "Stacks":
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803 - as boto3 has it
        return [
            {
                "StackResourceSummaries": [
                    {"ResourceType": kind, "PhysicalResourceId": id_} for kind, id_ in page
                ]
            }
            for page in self.pages[StackName]
        ]


class Lambda:
    """Answers with one configuration behind an alias and another as the latest."""

    def __init__(self, live: dict[str, Any], latest: dict[str, Any]) -> None:
        self.configurations = {"live": live, "$LATEST": latest}

    def get_function_configuration(
        self,
        FunctionName: str,  # noqa: N803 - as boto3 has it
        Qualifier: str = "$LATEST",  # noqa: N803
    ) -> dict[str, Any]:
        assert FunctionName.startswith(f"{ARN}:")
        return self.configurations[Qualifier]


def configuration(layers: list[dict[str, str]], **variables: str) -> dict[str, Any]:
    return {"CodeSha256": "a", "Layers": layers, "Environment": {"Variables": variables}}


def looked(lambda_: Any, *functions: str) -> list[Behind | str]:
    clients = {"cloudformation": Stacks(*functions), "lambda": lambda_}
    return list(behind_aliases(Target({}, {}, "clinic", _clients=clients)))


def test_equal_versions_are_no_finding():
    same = configuration(LAYERS, DAYS="1")

    assert looked(Lambda(same, same), "one", "two") == []


def test_each_function_of_every_page_is_named_with_what_differs_and_no_value():
    live = configuration(LAYERS, DAYS="secret-1", GONE="secret-2", SAME="1")
    latest = configuration([{"Arn": "layer:2"}], DAYS="secret-3", SAME="1")

    found = looked(Lambda(live, latest), "one", "two")

    assert list(map(str, found)) == [
        "one: live has other layers, DAYS, GONE",
        "two: live has other layers, DAYS, GONE",
    ]
    assert "secret" not in repr(found)


def test_other_code_is_a_finding():
    same = configuration(LAYERS)

    assert looked(Lambda(same, {**same, "CodeSha256": "b"}), "one") == [
        Behind("one", "live", (), ("code",))
    ]


def test_who_may_not_look_is_told():
    class Refusing:
        def get_function_configuration(self, **_):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetFunctionConfiguration")

    (said,) = looked(Refusing(), "one")

    assert str(said).startswith("what runs behind aliases cannot be seen: ")
