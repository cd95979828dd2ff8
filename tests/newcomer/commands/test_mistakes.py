"""Twenty-five mistakes that a person makes in the first hour, each with its answer."""

import json

import pytest

pytestmark = pytest.mark.stack

ORDER = '{"customer": "ada", "total": 5}'
FAILED, USAGE = 1, 64


@pytest.fixture(autouse=True)
def _order(typed, stack):
    """There is an order o-1 of version 1."""
    if not (stack.state.path / "ordered").exists():
        typed("publish", "ORDER", "o-1", "--name", "x", "--attributes", ORDER, "--sync")
        (stack.state.path / "ordered").touch()


MISTAKES = {
    USAGE: {
        "a command is mistyped": (
            "publihs ORDER o-1",
            "No such command 'publihs'. Did you mean 'publish'?",
        ),
        "a command of a group is mistyped": (
            "task shwo t-1",
            "No such command 'shwo'. Did you mean 'show'?",
        ),
        "an option is mistyped": (
            "data list ORDER --limt 5",
            "No such option '--limt'. Did you mean '--limit'?",
        ),
        "a read model is asked for without its key": (
            "read-model show orders_by_customer",
            "orders_by_customer is kept by customer:"
            " sfn-cqrs read-model show orders_by_customer KEY",
        ),
        "tasks are asked for without their type": (
            "task list",
            "say of which TYPE; there are ORDER_REMINDER",
        ),
        "the attributes are not JSON": (
            ["publish", "ORDER", "o-2", "--name", "x", "--attributes", "{total: 5}"],
            "--attributes is not JSON: ",
        ),
        "the attributes are forgotten": (
            "publish ORDER o-2",
            "give --name and --attributes, or --partial",
        ),
        "a file is not there": (
            "import start none.csv --table airports",
            "there is no file none.csv",
        ),
        "the table of a file is forgotten": (
            "import start {csv}",
            "--table says whose rows they are",
        ),
    },
    FAILED: {
        "a type is mistyped when publishing": (
            ["publish", "ORDR", "o-1", "--name", "x", "--attributes", ORDER],
            "unknown_type: type: 'ORDR' is not registered (did you mean ORDER?);"
            " known types: AIRPORT,",
        ),
        "a type is mistyped when reading": ("data get ORDR o-1", "did you mean ORDER?"),
        "a type is mistyped in a list": ("data list ORDR", "did you mean ORDER?"),
        "a type is in small letters": (
            "data get order o-1",
            "type: must be 1 to 64 capital letters, digits or '_', a letter first",
        ),
        "a read model is mistyped": (
            "read-model show orders_by_custmer ada",
            "did you mean orders_by_customer?",
        ),
        "a read model is mistyped, without a key": (
            "read-model show airport_by_country",
            "did you mean airports_by_country?",
        ),
        "a chain of a mistyped type is asked for": ("chain show ORDR o-1", "did you mean ORDER?"),
        "a task type is mistyped": ("task list ORDER_REMAINDER", "did you mean ORDER_REMINDER?"),
        "a saga is mistyped": ("saga start ordersaga {}", "did you mean order-saga?"),
        "a saga is given what is no order": (
            "saga start order-saga {}",
            "input.order: is required",
        ),
        "a table is mistyped": ("import start {csv} --table airport", "did you mean airports?"),
        "a machine is mistyped": (
            "start order-sage",
            "there is no machine order-sage (did you mean order-saga?); there are",
        ),
        "a machine is mistyped for invoke": (
            "invoke comand check_version",
            "there is no machine comand (did you mean command?); there are",
        ),
        "a state is mistyped": (
            "invoke command check_versoin",
            "there is no state of command check_versoin (did you mean check_version?); there are",
        ),
        "an event is mistyped": (
            "event command check_versoin",
            "did you mean command check_version?",
        ),
        "the same item is published again": (
            ["publish", "ORDER", "o-1", "--name", "x", "--attributes", ORDER],
            "version_conflict: the current version is 1\n"
            "to build on it: sfn-cqrs publish ORDER o-1 --name x"
            """ --attributes '{"customer": "ada", "total": 5}' --version 1\n"""
            "to see it: sfn-cqrs data get ORDER o-1\n",
        ),
        "an item that does not exist is read": ("data get ORDER o-none", "not_found: "),
        "an id is mistyped": ("task show t-nope", "no task has an id that begins with 't-nope'"),
        "an id is of something else": (
            "task show g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G",
            "is the id of a saga: sfn-cqrs saga show g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G",
        ),
        "a version that has not failed is retried": ("chain retry ORDER o-1 1", "not_failed: "),
        "an execution that is none is shown": (
            "execution show nope",
            "`sfn-cqrs execution list` lists them",
        ),
        "the stack does not run": (
            "data list ORDER --state {empty}",
            "start one with `sfn-cqrs up`",
        ),
    },
}


@pytest.mark.parametrize(
    ("code", "mistake"), [(code, mistake) for code in MISTAKES for mistake in MISTAKES[code]]
)
def test_a_mistake_is_answered_with_what_to_do(code, mistake, typed, tmp_path):
    line, answer = MISTAKES[code][mistake]
    table = tmp_path / "airports.csv"
    table.write_text("icao,name,country,lat,lon,tz\n")
    words = line.split() if isinstance(line, str) else line

    result = typed(
        *(word.replace("{csv}", str(table)).replace("{empty}", str(tmp_path)) for word in words)
    )

    assert answer in result.error
    assert "Traceback" not in result.error
    assert (result.code, result.output) == (code, "")


@pytest.mark.parametrize(
    ("line", "code", "problem"),
    [
        ("data get ORDR o-1", FAILED, "unknown_type"),
        ("task show t-nope", FAILED, "failed"),
        ("publihs ORDER", USAGE, "usage"),
    ],
)
def test_with_json_an_error_is_a_problem_document(line, code, problem, typed):
    result = typed(*line.split(), "--json")

    document = json.loads(result.error)
    assert (result.code, result.output) == (code, "")
    assert document["code"] == problem
    assert {"type", "title", "detail", "code"} <= document.keys()
