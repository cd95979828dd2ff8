import json
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.project import SCAFFOLDED, copy_project, files_of, forget, run_in
from tests.support.proof import PROOF, deep
from tests.support.typed import forgetting
from tests.support.waiting import waited

from sfn_cqrs.machines.workflow.executions import Parent, StepFunctionService, child_name
from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.testing.quick_stack import quick_stack

STATES = "check,approve,refund"
NEW = ["new", "workflow", "parcel-return", "--states", STATES, "--callback", "approve"]
CHECKOV = CHECKOUT / ".venv-checkov/bin/checkov"
NAME = "abcdefghijkl-mnopqrstuvw"
STATE = "abcdefghijklmn_opqrstuvwxyz0"
LONGEST = ["new", "workflow", NAME, "--states", f"{STATE},b", "--callback", f"{STATE},b"]
AUDIT = ["new", "workflow", "audit", "--states", "check,work", "--long", "work"]
TRIP = ["new", "workflow", "trip", "--states", "hotel,pay", "--callback", "hotel"]
HOTEL = ["new", "workflow", "hotel", "--states", "ask", "--callback", "ask", "--child-of", "trip"]
CREATED = {
    "statemachine/parcel-return.asl.json",
    "events/parcel_return/start_execution.json",
    *(
        f"{folder}/parcel_return/{name}"
        for state in ("check", "approve", "refund", "mark_failed")
        for folder, name in (
            ("functions", f"{state}/app.py"),
            ("events", f"{state}.json"),
            ("tests/unit", f"test_{state}.py"),
        )
    ),
    "tests/statemachine/test_parcel_return.py",
}
CHANGED = {
    "template.yaml",
    "statemachine/MockConfigFile.json",
    "docs/machines.md",
    "docs/runbooks/work.md",
}


@dataclass(frozen=True)
class Written:
    """A copy of the project with a new workflow: its files before, and what the command printed."""

    folder: Path
    before: dict[str, bytes]
    output: str


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A new workflow in a copy that nothing else is written to."""
    folder = copy_project(tmp_path_factory.mktemp("written") / "project", only=SCAFFOLDED)
    before = files_of(folder)
    with chdir(folder):
        made = CliRunner().invoke(cli, [*NEW, "--json"])
    assert made.exit_code == 0, made.output
    return Written(folder, before, made.output)


def test_everything_that_a_workflow_is_gets_written(written):
    before, after = written.before, files_of(written.folder)

    assert set(after) - set(before) == CREATED == set(json.loads(written.output)["created"])
    assert {path for path in before if after[path] != before[path]} == CHANGED


def test_the_template_keeps_every_line_that_it_had(written):
    before = written.before["template.yaml"].decode().splitlines()

    rest = iter((written.folder / "template.yaml").read_text().splitlines())
    assert [line for line in before if line not in rest] == []


def test_a_state_that_waits_has_a_token_a_day_and_no_retry_of_its_time_limit(written):
    machine = json.loads((written.folder / "statemachine/parcel-return.asl.json").read_text())
    approve = machine["States"]["approve"]
    assert approve["Resource"] == "arn:aws:states:::lambda:invoke.waitForTaskToken"
    assert approve["Parameters"]["Payload"]["taskToken.$"] == "$$.Task.Token"
    assert approve["TimeoutSeconds"] == 86_400
    assert "States.Timeout" not in approve["Retry"][0]["ErrorEquals"]
    assert machine["TimeoutSeconds"] > 86_400 + 3 * 60


def test_a_new_workflow_runs_at_once(sfn_cqrs, written, monkeypatch):
    monkeypatch.chdir(written.folder)

    code, output, _ = sfn_cqrs("run", "parcel-return", "--mock", "HappyPath", "--json")

    report = json.loads(output)
    assert (code, report["status"]) == (0, "SUCCEEDED")
    assert [step["state"] for step in report["path"]] == ["check", "approve", "refund", "success"]
    assert report["path"][0]["input"] == {"id": "w-1"}


def test_a_wait_that_times_out_ends_its_execution_with_that(sfn_cqrs, written, monkeypatch):
    monkeypatch.chdir(written.folder)

    code, output, _ = sfn_cqrs("run", "parcel-return", "--mock", "ApproveTimesOut", "--json")

    report = json.loads(output)
    assert (code, report["status"], report["error"]) == (1, "FAILED", "States.Timeout")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Order-Refund"], "'Order-Refund' is not a name for a workflow"),
        (["parcel_return"], "such as order-refund"),
        (["order--refund"], "is not a name for a workflow"),
        (["1st"], "is not a name for a workflow"),
        (["x" * 25], "at most 24 characters"),
        (["import"], "'import' is a word of Python"),
        (["command"], "there is a workflow 'command' already"),
        (["stream"], "functions/stream exists already"),
        (["kernel"], "tests/unit/kernel exists already"),
        (["a", "--states", ""], "a workflow has at least one state"),
        (["a", "--states", "go,go"], "the state 'go' is there twice"),
        (["a", "--states", "Go"], "'Go' is not a name for a state"),
        (["a", "--states", "../go"], "'../go' is not a name for a state"),
        (["a", "--states", "go,success"], "the state 'success' ends every workflow"),
        (["a", "--states", "mark_failed"], "the state 'mark_failed' records every failure"),
        (["a", "--states", "return"], "'return' is a word of Python"),
        (["a", "--states", "go", "--callback", "ask"], "--callback ask is none of --states go"),
        (["a", "--states", "go", "--long", "ask"], "--long ask is none of --states go"),
        (["a", "--callback", "work", "--long", "work"], "'work' waits for somebody, or works for"),
        (["a", "--states", "answer_parent"], "the state 'answer_parent' ends every child"),
        (["a", "--child-of", "comand"], "there is no workflow comand (did you mean command?)"),
        (["a", "--child-of", "rebuild"], "--child-of: no state of rebuild waits; begin with"),
        (["a", "--child-of", "command/nope"], "there is no state that waits in command nope"),
        (["a", "--child-of", "command"], "wait_prev_command/app.py is not as `new workflow"),
        (["a", "--states", "b_1,b1"], "two things would be called AB1Function"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    arguments, message, sfn_cqrs, untouched, monkeypatch
):
    monkeypatch.chdir(untouched)
    before = files_of(untouched)

    code, _, error = sfn_cqrs("new", "workflow", *arguments)

    assert (code, message in error) == (64, True), error
    assert files_of(untouched) == before


def test_a_workflow_that_exists_is_left_alone(sfn_cqrs, written, monkeypatch):
    monkeypatch.chdir(written.folder)
    before = files_of(written.folder)

    code, _, error = sfn_cqrs(*NEW)

    assert code == 64
    assert "there is a workflow 'parcel-return' already" in error
    assert files_of(written.folder) == before


def test_a_logical_id_that_two_names_would_make_is_refused(sfn_cqrs, project):
    sfn_cqrs("new", "workflow", "parcel", "--states", "return_check")
    before = files_of(project)

    code, _, error = sfn_cqrs("new", "workflow", "parcel-return", "--states", "check")

    assert code == 64
    assert "two things would be called ParcelReturnCheckFunction" in error
    assert files_of(project) == before


@pytest.mark.parametrize("place", ["triggers", "outputs"])
def test_a_template_without_its_sections_is_refused(place, sfn_cqrs, project):
    template = project / "template.yaml"
    template.write_text(template.read_text().replace(f"- {place}\n", f"- other {place}\n"))
    before = files_of(project)

    code, _, error = sfn_cqrs(*NEW)

    assert (code, f"there is no section '{place}' in template.yaml" in error) == (64, True)
    assert files_of(project) == before


def test_outside_of_a_project_nothing_is_written(sfn_cqrs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, _, error = sfn_cqrs(*NEW)

    assert code == 64
    assert "the folders above it have no template.yaml; `sfn-cqrs init NAME` makes" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [0, 1, 7, len(CREATED), len(CREATED) + 2])
def test_a_move_that_fails_undoes_those_before(number, sfn_cqrs, untouched, monkeypatch):
    monkeypatch.chdir(untouched)
    before, folders = files_of(untouched), sorted(untouched.rglob("*/"))
    moves = []
    replace = Path.replace

    def fail_at(self, target):
        moves.append(target)
        if len(moves) > number:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail_at)
        code, _, error = sfn_cqrs(*NEW)

    assert code == 64
    assert "nothing was written: [Errno 28] No space left on device" in error
    assert files_of(untouched) == before
    assert sorted(untouched.rglob("*/")) == folders


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A copy of the project with one of everything new."""
    project = copy_project(tmp_path_factory.mktemp("clone") / "project", is_set_up=True)
    own = ["init", "starter"]  # or it would be the example
    with chdir(project):
        for words in (own, NEW, AUDIT, LONGEST, TRIP, HOTEL, TOUR, [*GUIDE, "--child-of", "tour"]):
            made = CliRunner().invoke(cli, words)
            assert made.exit_code == 0, made.output
    return project


TOUR = ["new", "workflow", "tour", "--states", "guides", "--callback", "guides"]
GUIDE = ["new", "workflow", "guide", "--states", "lead", "--callback", "lead"]
MACHINES = ("parcel_return", "audit", NAME.replace("-", "_"), "trip", "hotel")
NEW_SUITES = [
    *(f"tests/statemachine/test_{machine}.py" for machine in MACHINES),
    *(f"tests/unit/{machine}" for machine in MACHINES),
    "tests/unit/event/test_on_hotel_ended.py",
]
NOT_OF_IT = [
    f"--ignore=tests/template/test_{law}.py"
    for law in ("collection", "conflicts", "folders", "layer", "mutants", "typing")
]
"""What is said of this checkout alone: its tests, its types and its layers."""
OF_THE_LAYER = ("actions", "cold_start", "domain", "imports")
"""What is said of the layer's code and of this repository's own actions: no workflow is in it."""
PYTEST = ("pytest", "-q", "-p", "no:cacheprovider", *NOT_OF_IT)
LINT = ("sfn-cqrs", "lint", "--advice", "--strict", "--template", "template.yaml")
COMMANDS = [
    ("ruff", "check", "--quiet", "."),
    ("ruff", "format", "--check", "."),
    ("bandit", "-q", "-r", "-l", "-c", "pyproject.toml", "functions"),
    (*LINT, *(f"statemachine/{name}.asl.json" for name in ("parcel-return", "audit", NAME))),
    (
        *PYTEST,
        *("-k", f"parcel or audit or {NAME[:12]} or trip or hotel or one_name"),
        *(f"tests/template/test_{law}.py" for law in ("environment", "resources", "wiring")),
        *NEW_SUITES,
    ),
    (
        *PYTEST,
        *(f"tests/template/test_{law}.py" for law in ("bill", "pictures", "places", "policies")),
    ),
]
LONG_COMMANDS = [
    ("mypy",),
    ("cfn-lint", "template.yaml"),
    *deep(
        [],
        [
            (".venv-sam/bin/sam", "validate", "--lint"),
            (*PYTEST, "tests/template", "tests/statemachine", *NEW_SUITES),
        ],
    ),
]


@pytest.mark.parametrize(
    "command",
    [*COMMANDS, *(pytest.param(command, marks=PROOF) for command in LONG_COMMANDS)],
    ids=lambda command: " ".join(command[:2]),
)
def test_what_is_new_passes_the_projects_own_checks_unchanged(command, grown):
    if "/" in command[0] and not (CHECKOUT / command[0]).exists():
        pytest.skip(f"no {command[0]}; `make check` sets it up")

    done = run_in(grown, *command)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def contributed(tmp_path_factory):
    """A copy of the repository, whose example has new workflows: one waits for another."""
    project = copy_project(tmp_path_factory.mktemp("contributed") / "project", is_set_up=True)
    with chdir(project):
        for words in (NEW, TRIP, HOTEL):
            made = run_in(project, "sfn-cqrs", *words)
            assert made.returncode == 0, made.stderr
    return project


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        (
            ".",
            (
                *PYTEST,
                *(f"tests/template/test_{law}.py" for law in ("bill", "events", "pictures")),
                *(f"tests/template/test_{law}.py" for law in ("doors", "places", "wiring")),
            ),
        ),
        ("examples/shop", (*PYTEST, "tests/parcel_return", "tests/trip", "tests/hotel")),
        pytest.param(
            ".",
            (
                *PYTEST,
                *(f"--ignore=tests/template/test_{law}.py" for law in OF_THE_LAYER),
                *("tests/template", "tests/statemachine", "tests/security/test_secrets.py"),
            ),
            marks=PROOF,
        ),
        pytest.param("examples/shop", ("pytest", "-q"), marks=PROOF),
    ],
)
def test_a_workflow_that_a_contributor_adds_leaves_every_test_green(folder, command, contributed):
    assert (contributed / "examples/shop/statemachine/hotel.asl.json").exists()

    done = run_in(contributed, *command, folder=folder)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@PROOF
@pytest.mark.skipif(not CHECKOV.exists(), reason="no checkov; `make check` sets it up")
def test_the_new_resources_are_as_secure_as_the_others(grown):
    translated = run_in(grown, "sfn-cqrs", "translate", "--output", ".build/template.json")
    assert translated.returncode == 0, translated.stderr

    options = ["--quiet", "--compact", "--skip-download", "--config-file", ".checkov.yaml"]
    done = run_in(grown, ".venv-checkov/bin/checkov", *options, "--file", ".build/template.json")

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def stack(grown, tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    _with_a_map_of_children(grown)
    with (
        forgetting(),
        quick_stack(template=grown / "template.yaml", state_dir=folder) as started,
    ):
        yield started
    forget(grown)


def _with_a_map_of_children(project):
    """Change the workflow tour as docs/workflow-functions.md says."""
    page = (CHECKOUT / "docs/workflow-functions.md").read_text()
    block = page.split('```json\n"guide_all": ')[1].split("```")[0]
    mapped = json.loads(block)
    code = page.split("```python\n@sfn_handler\ndef lambda_handler(item")[1].split("```")[0]
    path = project / "statemachine/tour.asl.json"
    machine = json.loads(path.read_text())
    inside = machine["States"].pop("guides")
    del inside["Catch"], inside["Next"]
    mapped["ItemProcessor"]["States"]["guides"] = {**inside, "End": True}
    machine["States"]["guide_all"], machine["StartAt"] = mapped, "guide_all"
    path.write_text(json.dumps(machine, indent=2))
    app = project / "functions/tour/guides/app.py"
    imports = app.read_text().split("@sfn_handler")[0]
    app.write_text(f"{imports}@sfn_handler\ndef lambda_handler(item{code}")


@pytest.fixture
def on_stack(sfn_cqrs, stack, grown, monkeypatch):
    """Return what runs a command on a stack that has the new workflow."""
    monkeypatch.chdir(grown)
    return lambda *arguments: sfn_cqrs(*arguments, "--state", str(stack.state.path))


@pytest.mark.stack
def test_a_new_workflow_waits_on_the_stack_and_goes_on_when_it_is_resumed(on_stack):
    code, shown, error = on_stack("start", "parcel-return")
    _, output, _ = on_stack("start", "parcel-return", "--json")
    report = json.loads(output)
    assert (code, report["status"], report["stoppedIn"]) == (0, "RUNNING", ["approve"]), error
    assert "oken" not in (output + shown).replace("waits for a token", "")
    assert shown.splitlines()[-1] == f"sfn-cqrs resume {report['name']} approve '{{}}'"

    begun = report["name"][:-4]
    resumed = on_stack("resume", begun, "approve", '{"result": "approved"}')

    _, output, _ = on_stack("start", "parcel-return", "--json")
    report = json.loads(output)
    assert (resumed.code, resumed.error) == (0, "")
    assert resumed.output.startswith(f"{report['name']} continues after approve: ")
    assert (report["status"], report["output"]) == (
        "SUCCEEDED",
        {"id": "w-1", "result": "done"},
    )
    code, _, error = on_stack("resume", report["name"], "approve")
    assert (code, "has ended already" in error) == (1, True)


def _with_a_child_that_waits(on_stack, number, folder):
    """Start a trip, and wait until its hotel waits; the client, and both executions' ARNs."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"id": f"trip-{number}"}))
    code, name, error = on_stack("start", "trip", "-i", keys, "--no-wait")
    assert code == 0, error
    child = child_name(Parent(name.strip(), "hotel"))

    def shown():
        return on_stack("execution", "show", child).output

    waited(lambda: "sfn-cqrs resume" in shown())
    return name.strip(), child


@pytest.mark.stack
@pytest.mark.real_time("a child begins when its parent's function has started it")
def test_a_parent_goes_on_with_what_its_child_answers(on_stack, stack, tmp_path):
    parent, child = _with_a_child_that_waits(on_stack, 1, tmp_path)

    resumed = on_stack("resume", child, "ask", '{"room": 7}')

    assert (resumed.code, resumed.error) == (0, "")
    shown = waited(
        lambda: on_stack("execution", "show", parent).output, lambda shown: "SUCCEEDED" in shown
    )
    assert "FAILED" not in shown
    arn = StepFunctionService.execution_arn(stack.outputs["TripStateMachineArn"], parent)
    events = stack.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    details = [event.get("stateExitedEventDetails", {}) for event in events]
    answers = {each["name"]: json.loads(each["output"]) for each in details if each}
    assert answers["hotel"] == {"room": 7}


@pytest.mark.stack
@pytest.mark.real_time("a child begins when its parent's function has started it")
def test_ten_children_of_a_map_all_resume_their_own_item(on_stack, stack, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"id": "tour-1", "ids": [f"g-{index}" for index in range(10)]}))
    name = on_stack("start", "tour", "-i", keys, "--no-wait").output.strip()
    children = [child_name(Parent(name, "guides", str(index))) for index in range(10)]
    for child in children:
        show = partial(on_stack, "execution", "show", child)
        waited(lambda show=show: "sfn-cqrs resume" in show().output)

    listed = on_stack("resume", name, "guides").error
    shown = on_stack("execution", "show", name).output
    by_hand = on_stack("resume", name, "guides", '{"id": "by hand"}', "--key", "3")
    rest = on_stack("resume", name, "guides").error
    for index, child in reversed(list(enumerate(children))):
        on_stack("resume", child, "lead", json.dumps({"id": f"g-{index}", "result": "led"}))
    waited(lambda: "SUCCEEDED" in on_stack("execution", "show", name).output)

    assert "waits 10 times in guides; give the --key of one: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in listed
    assert f"sfn-cqrs resume {name} guides '{{}}' --key KEY  # waits 10 times" in shown
    assert (by_hand.code, by_hand.error) == (0, "")
    assert "waits 9 times in guides; give the --key of one: 0, 1, 2, 4, 5, 6, 7, 8, 9" in rest
    arn = StepFunctionService.execution_arn(stack.outputs["TourStateMachineArn"], name)
    output = stack.client("stepfunctions").describe_execution(executionArn=arn)["output"]
    answered = [one["id"] for one in json.loads(output)]
    assert answered == ["by hand" if index == 3 else f"g-{index}" for index in range(10)]


@pytest.mark.stack
@pytest.mark.real_time("Step Functions tells of an end a moment later")
def test_a_parent_is_told_when_its_child_is_killed(on_stack, stack, tmp_path):
    parent, child = _with_a_child_that_waits(on_stack, 2, tmp_path)
    machine = stack.outputs["HotelStateMachineArn"]

    stack.client("stepfunctions").stop_execution(
        executionArn=StepFunctionService.execution_arn(machine, child), cause="killed"
    )

    waited(lambda: "FAILED" in on_stack("execution", "show", parent).output)
    shown = on_stack("execution", "show", parent).output
    assert "ChildAborted" in shown
    assert "killed" in shown


@pytest.mark.stack
def test_a_refusal_ends_a_new_workflow_with_its_error(on_stack, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text('{"id": "o-2"}')
    _, output, _ = on_stack("start", "parcel-return", "-i", str(keys), "--json")
    name = json.loads(output)["name"]

    on_stack("resume", name, "approve", "--error", "Refused", "--cause", "not this time")

    code, output, _ = on_stack("start", "parcel-return", "-i", str(keys), "--json")
    report = json.loads(output)
    assert (code, report["error"], report["cause"]) == (1, "Refused", "not this time")


@pytest.mark.stack
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["start", "absent"], 1, "there is no machine absent; there are"),
        (
            ["start", "absent", "-i", "statemachine/audit.asl.json"],
            1,
            "there is no machine absent; there are",
        ),
        (["start", "audit", "--name", "a b"], 1, "name: must be 1 to 80 letters"),
        (["start", "audit", "-i", "README.md"], 64, "--input is not JSON"),
        (["resume", "nobody", "approve"], 1, "no execution is 'nobody', begins so"),
        (["resume", "nobody", "approve", "{"], 64, "RESULT is not JSON"),
    ],
)
def test_what_cannot_be_started_or_resumed_is_told(arguments, code, message, on_stack):
    ended, _, error = on_stack(*arguments)

    assert (ended, message in error) == (code, True), error
