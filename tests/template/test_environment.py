import ast
from pathlib import Path
from typing import TypeGuard

from tests.support.places import BOOTSTRAP, LAYER, PARTS, dotted, kind_of, of_kind
from tests.template.stack import ROOT, TEMPLATE, modules, of_type

from sfn_cqrs.kernel import parts

READ_BY_POWERTOOLS = {
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
}
SET_BY_PROJECTS = {"SFN_CQRS_ENVIRONMENT"}
SET_BY_LAMBDA = {"AWS_LAMBDA_FUNCTION_VERSION", "AWS_XRAY_DAEMON_ADDRESS", "_X_AMZN_TRACE_ID"}
ASKS = {"variable", "number", "optional"}
"""The methods of `Parts` by which a room, or `bootstrap`, asks for a variable."""
READ_BY_BOTO3 = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_SFN"}


def is_environ(node: ast.AST) -> bool:
    """Whether a node is `os.environ`, `os.getenv`, or their import from os."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and (node.value.id, node.attr) in {
            ("os", "environ"),
            ("os", "getenv"),
        }
    if isinstance(node, ast.ImportFrom):
        return (
            node.module == "os"
            and {"environ", "getenv"} & {one.name for one in node.names} != set()
        )
    return False


def asks_parts(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether a call, or `partial` of one, asks parts for a variable of the environment."""
    if not isinstance(node, ast.Call):
        return False
    called = node.args[0] if ast.unparse(node.func) == "partial" else node.func
    return isinstance(called, ast.Attribute) and called.attr in ASKS


def reads_of(tree: ast.Module) -> set[str]:
    """The names of the variables that a module reads, of os.environ or of parts."""
    keys: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_environ(node.value):
            keys.add(node.slice)
        keys |= {*node.args} if asks_parts(node) else set()
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (is_environ(node.func) or is_environ(node.func.value))
        ):
            keys.add(node.args[0])
    return {ast.literal_eval(key) for key in keys if isinstance(key, ast.Constant)}


def test_globals_set_exactly_what_the_parts_read() -> None:
    files = [*of_kind(PARTS), *of_kind(BOOTSTRAP)]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    declared = set(TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"])

    read = set().union(*map(reads_of, trees)) | READ_BY_POWERTOOLS | READ_BY_BOTO3
    assert declared | SET_BY_LAMBDA | SET_BY_PROJECTS == read


def test_a_projects_own_functions_get_the_same_environment_as_one_variable() -> None:
    output = TEMPLATE.resolve(TEMPLATE.document["Outputs"]["Environment"])["Value"]
    given = dict(line.split("=", 1) for line in output.splitlines())

    assert given == {k: v for k, v in TEMPLATE.environment.items() if k not in READ_BY_BOTO3}


def test_no_endpoint_but_aws_own_is_set_where_it_is_deployed() -> None:
    variables = TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"]

    assert {variables[name] for name in READ_BY_BOTO3} == {""}


def test_every_function_has_the_environment_of_globals_and_nothing_else() -> None:
    declared = TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"]

    for logical_id, function in of_type("AWS::Lambda::Function").items():
        assert function["Environment"]["Variables"].keys() == declared.keys(), logical_id


def test_only_the_kernels_parts_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path, tree in modules(LAYER, "functions", "app", "examples/shop/app", naming="env")
        if any(is_environ(node) for node in ast.walk(tree))
    }

    assert readers == {Path(parts.__file__).relative_to(ROOT).as_posix()}


def test_only_parts_and_bootstrap_ask_for_a_variable() -> None:
    kinds = {
        kind_of(dotted(path))
        for path, tree in modules(LAYER)
        if any(asks_parts(node) for node in ast.walk(tree))
    }

    assert kinds == {PARTS, BOOTSTRAP}


def test_a_read_is_seen_in_each_of_its_spellings() -> None:
    source = """
import os
os.environ["A"], os.environ.get("B", ""), os.getenv("C")
parts.variable("D"), DEPLOYED.number("E"), partial(DEPLOYED.optional, "F")
"""

    assert reads_of(ast.parse(source)) == {"A", "B", "C", "D", "E", "F"}
    assert any(is_environ(node) for node in ast.walk(ast.parse("from os import environ")))
