"""The conformance suite: its cases, what runs them, and that this engine passes all of them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from sfn_local import Engine, InlineFunctions
from sfn_local.cli import cli
from sfn_local.conformance.cases import FOLDER, Case, CaseError, load
from sfn_local.conformance.client import Api, Refused
from sfn_local.conformance.matching import differences
from sfn_local.conformance.report import table
from sfn_local.conformance.runner import run, run_all
from sfn_local.server import serve_engine

CASES = load()
AREAS = [
    "api",
    "callbacks",
    "choice",
    "data-flow",
    "distributed-map",
    "errors",
    "express",
    "intrinsics",
    "jsonata",
    "jsonata-language",
    "language",
    "limits",
    "map",
    "redrive",
    "refusals",
    "test-state",
    "variables",
    "versions",
]
SOURCE = re.compile(
    r"dg/[\w-]+\.html(#[\w-]+)?|api/\w+\.html|spec: [A-Z].+|recorded: [\w/.,\[\] -]+"
    r"|jsonata: [\w-]+|measured: [\w./-]+ [\w-]+"
)
WITHOUT_TIME = (
    *("choice", "data-flow", "intrinsics", "jsonata-language", "refusals"),
    *("test-state", "variables", "versions"),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload))
    server = serve_engine(engine, "127.0.0.1", 0)
    yield server.url
    server.close()
    engine.close()


def command(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["conform", *arguments], standalone_mode=False)


def failing(tmp_path: Path) -> Path:
    """A file with a case that no endpoint passes, and one that all do."""
    head = {"level": "must", "source": "spec: Pass State", "state": {"Type": "Pass"}, "input": 1}
    good = {**head, "id": "one", "title": "good", "expect": {"output": 1}}
    bad = {**head, "id": "two", "title": "bad", "expect": {"output": 2}}
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"area": "own", "cases": [good, bad]}))
    return file


def failed(url: str, cases: list[Case], jobs: int) -> list[tuple[str, tuple[str, ...]]]:
    results = run_all(Api(url), cases, jobs)
    return [(each.case.id, each.complaints) for each in results if not each.has_passed]


def test_there_are_cases_of_every_area_each_with_its_source() -> None:
    assert sorted({case.area for case in CASES}) == AREAS
    assert len(CASES) >= 1_000
    assert [name for name, count in Counter(case.id for case in CASES).items() if count > 1] == []
    assert [case.id for case in CASES if SOURCE.fullmatch(case.source) is None] == []
    assert [case.id for case in CASES if not case.id.startswith(case.area)] == []


@pytest.mark.parametrize("area", WITHOUT_TIME)
def test_this_engine_passes_what_needs_no_time(url: str, area: str) -> None:
    cases = [case for case in CASES if case.area == area][::4]

    assert [
        (each.case.id, each.complaints) for each in run_all(Api(url), cases, 1) if each.complaints
    ] == []


@pytest.mark.proof
@pytest.mark.real_time("any engine is asked as this one is, and has no clock that is ours")
@pytest.mark.parametrize("area", AREAS)
def test_this_engine_passes_all(url: str, area: str) -> None:
    cases = [case for case in CASES if case.area == area]

    assert [
        (each.case.id, each.complaints) for each in run_all(Api(url), cases, 16) if each.complaints
    ] == []


def case(**content: object) -> Case:
    return Case("own-1", "own", "must", "spec: Pass State", "a case", content)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"state": {"Type": "Pass"}, "input": 1, "expect": {"output": 2}}, "output is 1, not 2"),
        (
            {"state": {"Type": "Fail", "Error": "E"}, "expect": {"status": "SUCCEEDED"}},
            "status is 'FAILED', not 'SUCCEEDED'",
        ),
        ({"state": {"Type": "Fail"}, "expect": {"output": 1}}, "there is no output"),
        ({"state": {"Type": "Typo"}, "expect": {}}, "CreateStateMachine is refused: InvalidDef"),
        (
            {"state": {"Type": "Pass"}, "expect": {"refused": "InvalidDefinition"}},
            "CreateStateMachine is not refused",
        ),
        (
            {"state": {"Type": "Pass"}, "expect": {"path": ["other"]}},
            "path[0] is 'it', not 'other'",
        ),
        (
            {"state": {"Type": "Pass"}, "expect": {"events": ["ExecutionStarted"]}},
            "events has 4 items, not 1",
        ),
        (
            {
                "steps": [
                    {
                        "call": "DescribeStateMachine",
                        "with": {"stateMachineArn": "x"},
                        "refused": "InvalidArn",
                        "says": "something",
                    }
                ]
            },
            "the message is",
        ),
        (
            {
                "steps": [
                    {"call": "DescribeActivity", "with": {"activityArn": "x"}, "refused": "Other"}
                ]
            },
            "DescribeActivity is refused as InvalidArn",
        ),
        (
            {"steps": [{"call": "ListActivities", "save": {"next": "nextToken"}}]},
            "an answer lacks something: KeyError('nextToken')",
        ),
        (
            {
                "state": {"Type": "Task", "Resource": "${task:t}"},
                "tasks": {"t": [{"input": 2, "result": 3}]},
                "input": 1,
                "expect": {"output": 3},
            },
            "the input of t is 1, not 2",
        ),
    ],
)
def test_what_is_not_as_expected_is_told(
    url: str, content: dict[str, object], complaint: str
) -> None:
    complaints = run(Api(url), case(**content)).complaints

    assert any(complaint in each for each in complaints), complaints


def test_nothing_is_left_behind(url: str) -> None:
    api = Api(url)
    task = {"Type": "Task", "Resource": "${task:t}"}
    answers = {"t": [{"result": 3}]}
    result = run(api, case(state=task, tasks=answers, expect={"output": 3}))

    assert result.has_passed
    assert api.call("ListStateMachines", {})["stateMachines"] == []
    assert api.call("ListActivities", {})["activities"] == []


@pytest.mark.parametrize(
    ("expected", "actual", "is_equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"$has": {"a": 1}}, {"a": 1, "b": 2}, True),
        ({"$has": {"a": {"b": 1}}}, {"a": {"b": 1, "c": 2}}, True),
        ({"a": {"$any": True}}, {"a": None}, True),
        ({"a": {"$any": True}}, {}, False),
        ({"a": {"$absent": True}}, {}, True),
        ({"a": {"$absent": True}}, {"a": 1}, False),
        ({"$type": "number"}, 1, True),
        ({"$type": "number"}, True, False),
        ({"$match": "^a"}, "abc", True),
        ({"$match": "^b"}, "abc", False),
        ({"$unordered": [1, 2]}, [2, 1], True),
        ({"$unordered": [1, 2]}, [2, 2], False),
        ([1, 2], [2, 1], False),
    ],
)
def test_matching(expected: object, actual: object, *, is_equal: bool) -> None:
    assert (differences(expected, actual) == []) is is_equal


def test_a_refusal_has_its_code_and_message(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Api(url).call("DescribeStateMachine", {"stateMachineArn": "x"})

    assert caught.value.code == "InvalidArn"
    assert caught.value.message == "Invalid Arn: 'Invalid ARN prefix: x'"


def test_the_command_tells_counts_and_fails(url: str, tmp_path: Path) -> None:
    junit, failures = tmp_path / "junit.xml", tmp_path / "failures"
    told = command(
        *("--endpoint", url, "--cases", str(failing(tmp_path))),
        *("--junit", str(junit), "--failures", str(failures)),
    )
    again = command("--endpoint", url, "--cases", str(failures / "two.json"), "--json")
    suite = ElementTree.parse(junit).getroot()[0]

    assert told.return_value == 1
    assert told.output.splitlines() == [
        "own/two (must): bad [spec: Pass State]",
        "    output is 1, not 2",
        "area       must     should       text        all",
        "own         1/2          –          –        1/2",
        "all         1/2          –          –        1/2",
    ]
    assert {name: suite.get(name) for name in ("name", "tests", "failures")} == {
        "name": "own",
        "tests": "2",
        "failures": "1",
    }
    assert [entry["id"] for entry in json.loads(again.output)] == ["two"]


def test_the_command_chooses_cases(url: str, tmp_path: Path) -> None:
    listed = command("--endpoint", url, "--area", "redrive", "--level", "should", "--list")
    passed = command("--endpoint", url, "--case", "choice-not")
    (tmp_path / "failed.json").write_text('{"choice-not": ["why"]}')
    again = command("--endpoint", url, "--from", str(tmp_path / "failed.json"))

    assert listed.output == (
        "redrive  should  redrive-event: A redrive is an event (dg/redrive-executions.html)\n"
    )
    assert passed.return_value == 0
    assert again.output == passed.output
    assert passed.output.splitlines()[1].split() == ["choice", "1/1", "–", "–", "1/1"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--endpoint", "nonsense"), "an endpoint is an http:// or https:// URL"),
        (("--endpoint", "http://127.0.0.1:1"), "does not answer"),
        (("--endpoint", "http://127.0.0.1:1", "--area", "none"), "there is no area none"),
        (("--endpoint", "http://127.0.0.1:1", "--case", "none"), "there is no such case"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in str(command(*arguments).exception)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "JSONDecodeError"),
        ('{"area": "a"}', "KeyError"),
        ('{"area": "a", "cases": [{"id": "x"}]}', "a case lacks 'level'"),
        (
            '{"area": "a", "cases": [{"id": "x", "level": "l", "source": "s", "title": "t"}]}',
            "the level is one of must, should, text",
        ),
    ],
)
def test_a_file_without_cases_is_told(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(CaseError, match=re.escape(complaint)):
        load(tmp_path)


def test_the_package_has_the_cases_of_the_folder() -> None:
    assert FOLDER.resolve() == Path(__file__).parents[1] / "conformance" / "cases"
    assert table([]).splitlines()[-1].split()[0] == "all"
