import hashlib
import hmac
import json
import random
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.newcomer.walk import Walk
from tests.support.command_line import Result
from tests.support.over_http import fetch
from tests.support.project import forget, share_translations
from tests.support.proof import PROOF, deep
from tests.support.typed import forgetting
from tests.support.waiting import waited

from sfn_cqrs_tools.cli import cli, doctor
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold.changes import ScaffoldError
from sfn_cqrs_tools.scaffold.new_project import PAGES, PAGES_FILE, package_name, sources
from sfn_cqrs_tools.stack.framework import FOLDER, bring_up_to_date
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.testing.quick_stack import quick_stack
from sfn_local.lint.template_file import load_yaml

FILES = [
    ".agents/skills/sfn-cqrs/SKILL.md",
    ".github/workflows/check.yml",
    ".gitignore",
    "Makefile",
    "README.md",
    "app/clinic/__init__.py",
    "app/clinic/appointment.py",
    "events/sync_data.json",
    "llms-full.txt",
    "pyproject.toml",
    "requirements-dev.txt",
    "samconfig.toml",
    "template.yaml",
    "tests/test_appointment.py",
]
MOST_FILES, MOST_LINES = 15, 500
GENERATORS = (
    ("handler", "INVOICE", "--publish", "members"),
    ("handler", "APPOINTMENT_NOTE", "--publish", "group:doctor"),
    ("task", "RESIZE_IMAGE", "--publish", "code"),
    ("route", "/invoices/overdue", "--allow", "members"),
    ("webhook", "bank"),
    ("approval", "INVOICE_ABOVE", "--of", "INVOICE", "--group", "clerk", "--above", "n=1000"),
    ("import", "people", "--from", "{people}", "--publish", "members"),
    ("workflow", "order-refund", "--states", "check,approve,refund", "--callback", "approve"),
    ("workflow", "ask-bank", "--child-of", "order-refund"),
    ("saga", "trip", "--steps", "reserve,charge,confirm_all", "--publish", "members"),
    ("saga", "stay", "--steps", "book,pay", "--publish", "members", "--own-machine"),
    ("saga", "one-step", "--steps", "only", "--publish", "code", "--own-machine"),
    ("workflow", "long-one", "--states", "crunch", "--long", "crunch"),
)
PEOPLE = "id,name,age,note\n1,Ada,36,\n2,Grace,85,hello\n"
SEQUENCES = [pytest.param(0), *(pytest.param(seed, marks=PROOF) for seed in range(1, deep(3, 21)))]


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    """Return the folder of a project that was just made, where commands run from now on."""
    made = project_in(tmp_path)
    monkeypatch.chdir(made)
    return made


def project_in(folder: Path) -> Path:
    """Make a project in a folder."""
    line = ["init", "clinic", "--type", "APPOINTMENT", "--wheels", str(CHECKOUT)]
    with chdir(folder):
        made = CliRunner().invoke(cli, line)
    assert made.exit_code == 0, made.output
    return folder / "clinic"


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    """Return the folder of a project that nothing is written to."""
    return project_in(tmp_path_factory.mktemp("unchanged"))


def own_files(folder: Path) -> list[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix() for path in found if not {".git", FOLDER, ".build"} & set(path.parts)
    )


def test_a_project_is_small(clinic):
    assert own_files(clinic) == FILES
    assert len(FILES) <= MOST_FILES
    written = [one for one in FILES if one != PAGES_FILE]
    assert sum(len((clinic / one).read_text().splitlines()) for one in written) <= MOST_LINES


def test_a_project_has_the_docs_as_one_file_for_agents(clinic):
    pages = (clinic / PAGES_FILE).read_text(encoding="utf-8")
    shipped = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    included = shipped["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

    assert [line for line in pages.splitlines() if line in ("# Handlers", "# Errors")]
    assert all(included.get(f"docs/{page}.md", "").endswith(f"docs/{page}.md") for page in PAGES)


def test_a_project_with_a_database_is_read_by_every_command(sfn_cqrs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sfn_cqrs("init", "clinic", "--postgres", "--live", "--wheels", CHECKOUT).code == 0
    monkeypatch.chdir(tmp_path / "clinic")

    made, checked = sfn_cqrs("new", "handler", "INVOICE"), sfn_cqrs("check")
    invoked = sfn_cqrs("invoke", "command", "check_version")
    begun, damage = doctor._begun(Path("template.yaml"), Target({}, {}))

    assert (made.code, made.error) == (0, "")
    assert (checked.code, checked.error) == (0, "")
    assert "no stack runs" in invoked.error
    assert (begun is not None, damage) == (True, [])
    begun.result()
    assert load_template(Path("template.yaml")).environment["POSTGRES"] == ""  # here no cluster


def test_a_projects_database_is_deployed_into_the_subnets_that_it_asks_for(
    sfn_cqrs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert sfn_cqrs("init", "clinic", "--postgres", "--wheels", CHECKOUT).code == 0
    monkeypatch.chdir(tmp_path / "clinic")
    assert sfn_cqrs("setup").code == 0
    settings = tomllib.loads(Path("samconfig.toml").read_text(encoding="utf-8"))
    subnets = {"PostgresSubnets": "subnet-1,subnet-2"}

    template = Template.load(Path("template.yaml"), parameters=subnets)

    group = template.resources["PostgresSubnetGroup"]["Properties"]
    assert template.resolve(group["SubnetIds"]) == ["subnet-1", "subnet-2"]
    for stage in ("dev", "stg", "prod"):
        given = settings[stage]["deploy"]["parameters"]["parameter_overrides"]
        assert 'PostgresSubnets=""' in given
        assert "UserPool=disabled" in given


def run_tool(clinic: Path, *command: str) -> str:
    tool = [sys.executable, "-m", *command]
    done = subprocess.run(tool, cwd=clinic, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_green(clinic: Path, sfn_cqrs: Callable[..., Result]) -> None:
    """Check style, types, template, machines and handlers, and run the tests."""
    run_tool(clinic, "ruff", "check", ".")
    run_tool(clinic, "ruff", "format", "--check", ".")
    run_tool(clinic, "mypy", *(one for one in ("app", "functions") if (clinic / one).is_dir()))
    checked = sfn_cqrs("check")
    assert checked.code == 0, checked.output
    linted = [str(Path(sys.executable).with_name("cfn-lint")), "template.yaml"]
    done = subprocess.run(linted, cwd=clinic, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    tested = run_tool(clinic, "pytest", "-q", "-p", "no:cacheprovider", "-rp")
    assert tested.count("PASSED tests/test_appointment.py::") == 5


@pytest.mark.proof  # below, its files are green with others beside them
def test_alone_it_is_green(clinic, sfn_cqrs):
    is_green(clinic, sfn_cqrs)


def test_a_project_is_refused_by_the_rules_of_the_application_before_anything_is_made(unchanged):
    own, application = (load_yaml(one / "template.yaml") for one in (unchanged, CHECKOUT))
    given = own["Resources"]["Cqrs"]["Properties"]["Parameters"]

    assert set(own["Rules"]) == {"NoDeployWithoutIssuer", "NoProdWithoutAlarmEmail"}
    for name, rule in own["Rules"].items():
        assert rule == application["Rules"][name]
    assert given["UserPool"] == {"Ref": "UserPool"}
    assert (
        own["Parameters"]["UserPool"]["AllowedValues"]
        == (application["Parameters"]["UserPool"]["AllowedValues"])
    )


@pytest.mark.parametrize("seed", SEQUENCES)
def test_whatever_was_generated_in_whatever_order_all_is_green(clinic, sfn_cqrs, tmp_path, seed):
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    chosen = list(GENERATORS)
    if seed:
        dice = random.Random(seed)
        dice.shuffle(chosen)
        chosen = chosen[: dice.randint(2, len(chosen))]
        parents = [one for one in chosen if one[1] == "order-refund"]
        children = [one for one in chosen if one[1] == "ask-bank"]
        rest = [one for one in chosen if one[1] not in {"order-refund", "ask-bank"}]
        chosen = [*parents, *rest, *(children if parents else [])]  # a child needs its parent
    framework = {path: path.stat().st_mtime_ns for path in (clinic / FOLDER).rglob("*")}

    for generator in chosen:
        written = sfn_cqrs("new", *(word.format(people=people) for word in generator))
        assert written.code == 0, f"{generator}: {written.error}"

    fill_in_steps(clinic / "app/clinic/stay.py")
    is_green(clinic, sfn_cqrs)
    changed = [path for path, at in framework.items() if path.stat().st_mtime_ns != at]
    assert changed == []


def fill_in_steps(module: Path) -> None:
    """Let the steps of a saga with its own machine need an input that no generated test has."""
    if module.exists():
        text = module.read_text(encoding="utf-8")
        module.write_text(text.replace('step.input["id"]', 'step.input["room"]'), encoding="utf-8")


def untracked(clinic: Path) -> list[str]:
    listed = ["git", "-C", str(clinic), "status", "--porcelain", "--untracked-files=all"]
    shown = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    return sorted(line.removeprefix("?? ") for line in shown.splitlines())


@pytest.mark.parametrize(
    ("given", "default", "built", "stages"),
    [
        ("Architecture=x86_64", "arm64", "arm64", ["prod"]),
        ("Architecture=x86_64", "arm64", "x86_64", ["dev", "stg"]),
        ("Architecture=arm64", "x86_64", "arm64", ["dev", "stg"]),
        ("Architecture=arm64", "arm64", "arm64", []),
    ],
)
def test_a_stage_whose_functions_could_not_load_native_code_is_refused(
    clinic, sfn_cqrs, given, default, built, stages
):
    stage = 'parameter_overrides = ["Stage=prod"'
    for file, before, after in (
        ("samconfig.toml", stage, f'{stage}, "{given}"'),
        ("template.yaml", "Default: arm64", f"Default: {default}"),
        ("template.yaml", "BuildArchitecture: arm64", f"BuildArchitecture: {built}"),
    ):
        text = (clinic / file).read_text(encoding="utf-8")
        assert before in text
        (clinic / file).write_text(text.replace(before, after), encoding="utf-8")

    checked = sfn_cqrs("check", "--json")

    refused = [one for one in checked.json["findings"] if "BuildArchitecture" in one]
    assert [one.split(" run on ")[0] for one in refused] == [
        f"samconfig.toml: the functions of {stage}" for stage in stages
    ]
    assert checked.code == (1 if stages else 0)


def test_a_project_is_checked_and_git_ignores_what_that_makes(clinic, sfn_cqrs):
    shown = sfn_cqrs("check")
    assert shown.output.startswith("0 machines of your own, ")
    assert untracked(clinic) == FILES

    (clinic / "app/clinic/broken.py").write_text("import nothing_of_this_name\n")
    (clinic / "events/odd.json").write_text("{")
    shown, found = sfn_cqrs("check"), sfn_cqrs("check", "--json")

    assert re.search(r'\n +File ".*clinic/broken\.py", line 1', shown.output)
    assert found.code == 1
    broken, odd = found.json["findings"]
    assert broken.splitlines()[0] == (
        "clinic.broken cannot be imported: "
        "ModuleNotFoundError: No module named 'nothing_of_this_name'"
    )
    assert odd.startswith("events/odd.json is not JSON: ")


def test_a_table_that_no_handler_is_named_after_is_found(clinic, sfn_cqrs):
    module = clinic / "app/clinic/appointment.py"
    imported = "from sfn_cqrs.read_models import sql_read_model\n\n"
    for table in ("appointment_list", "depots"):
        declared = f'{imported}sql_read_model("{table}", keys=("code",))\n'
        (clinic / f"app/clinic/of_{table}.py").write_text(declared)
    assert "def appointment_list(" in module.read_text(encoding="utf-8")
    elsewhere = clinic / "app/clinic/only_elsewhere.py"
    elsewhere.write_text(
        f"{imported}from sfn_cqrs.read_models import sync_handler\n\n"
        'sql_read_model("rooms", keys=("code",))\n\n\n'
        '@sync_handler("APPOINTMENT", when=lambda: False)\n'
        "def rooms(command: object) -> None: ...\n"
    )

    found = sfn_cqrs("check", "--json")

    assert found.json["findings"] == [
        'sql_read_model("depots"): no handler is called depots, so nobody writes it: call the'
        " handler as its table"
    ]


def test_resources_that_need_one_another_are_named(clinic, sfn_cqrs):
    path = clinic / "template.yaml"
    written = path.read_text(encoding="utf-8")
    statement = "Action: [ssm:GetParameter, ssm:GetParameters]\n            Resource: "
    assert statement in written
    needs = written.replace(statement, f"{statement}!GetAtt Cqrs.Outputs.CommandsTableName #", 1)
    path.write_text(needs, encoding="utf-8")

    checked = sfn_cqrs("check")

    assert checked.code == 1
    assert "need one another: AppPolicy -> Cqrs -> AppPolicy. Write one of the" in checked.output


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("", "a workflow has at least one state"),
        ("a,a", "the state 'a' is there twice"),
        ("undo_a", "the step 'undo_a' is a name of the saga's own"),
        ("resume", "the step 'resume' is a name of the saga's own"),
        ("trip", "'trip' is a name of the module's own"),
        ("a,saga", "'saga' is a name of the module's own"),
        ("s" * 24, "is too long: a step has at most 23 letters"),
        (",".join(f"s{number}" for number in range(11)), "a saga has at most 10 steps"),
    ],
)
def test_steps_that_a_saga_cannot_have_are_refused_and_nothing_is_written(
    unchanged, sfn_cqrs, monkeypatch, steps, told
):
    monkeypatch.chdir(unchanged)
    before = own_files(unchanged)

    refused = sfn_cqrs("new", "saga", "trip", "--steps", steps)

    assert refused.code == 64
    assert told in refused.error
    assert own_files(unchanged) == before


@pytest.mark.usefixtures("project")
def test_a_saga_with_a_machine_is_written_into_a_project_alone(sfn_cqrs):
    refused = sfn_cqrs("new", "saga", "trip", "--steps", "reserve", "--own-machine")

    assert refused.code == 64
    assert "sagas are written into a project of your own" in refused.error


def test_processes_that_start_together_copy_the_application_once(clinic, monkeypatch):
    """As the workers of a parallel test do, in a fresh clone or after an upgrade."""
    shutil.rmtree(clinic / FOLDER, ignore_errors=True)
    done, copying, copy = [], [], shutil.copytree

    def copy_slowly(source, target, *words, **options):
        if not copying:
            second.start()
            second.join(0.1)
        copying.append(target)
        return copy(source, target, *words, **options)

    def bring_up() -> None:
        done.append(bring_up_to_date(clinic))

    monkeypatch.setattr(shutil, "copytree", copy_slowly)
    first, second = (threading.Thread(target=bring_up) for _ in range(2))
    first.start()
    first.join()
    second.join()

    assert sorted(done) == [False, True]
    assert len(set(copying)) == len(copying)


def test_the_frameworks_copy_follows_what_is_installed(clinic):
    assert bring_up_to_date(clinic)
    assert not bring_up_to_date(clinic)
    (clinic / FOLDER / "template.yaml").unlink()
    (clinic / FOLDER / ".stamp").write_text("of another version")

    assert bring_up_to_date(clinic)
    assert (clinic / FOLDER / "template.yaml").is_file()
    assert (clinic / FOLDER / "layer/sfn_cqrs/bootstrap.py").is_file()


@pytest.mark.usefixtures("clinic")
def test_the_frameworks_machines_are_drawn_and_run_by_their_names(sfn_cqrs):
    drawn, ran = sfn_cqrs("graph", "command"), sfn_cqrs("run", "command", "--mock", "HappyPath")

    assert "check_version" in drawn.output
    assert "SUCCEEDED" in ran.output


def test_a_project_in_a_project_is_refused(clinic, sfn_cqrs):
    made = sfn_cqrs("init", "other")

    assert made.code == 64
    assert made.error.endswith(f"{clinic} is a project already: call init in another folder\n")


def test_a_folder_that_is_not_empty_is_left_alone(sfn_cqrs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clinic").mkdir()
    (tmp_path / "clinic/notes.txt").write_text("mine")

    made = sfn_cqrs("init", "clinic")

    assert made.code == 64
    assert made.error.endswith("exists and is not empty: choose another name\n")
    assert own_files(tmp_path / "clinic") == ["notes.txt"]


@pytest.mark.parametrize("name", ["Clinic", "my clinic", "1st", "class", "x" * 32, "../up"])
def test_a_name_that_cannot_be_one_is_refused_and_leaves_nothing(
    sfn_cqrs, tmp_path, monkeypatch, name
):
    monkeypatch.chdir(tmp_path)

    made = sfn_cqrs("init", name, "--wheels", CHECKOUT)

    assert made.code == 64
    assert "is not a valid name" in made.error
    assert list(tmp_path.iterdir()) == []


def test_a_stack_whose_name_leaves_no_room_for_its_machines_is_found(sfn_cqrs, clinic):
    path = clinic / "samconfig.toml"
    named = path.read_text().replace("clinic-prod", "c" * 37).replace("clinic-stg", "c" * 36)
    path.write_text(named)

    checked = sfn_cqrs("check")

    assert checked.code == 1
    assert checked.output.count("samconfig.toml") == 1
    assert f"the stack of prod, {'c' * 37}, has 37 letters; a project's has at most 36" in (
        checked.output
    )


def test_a_name_of_several_words_names_a_package():
    assert package_name("my-clinic") == "my_clinic"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a/b",), "'a/b' is not a valid name: "),
        (("class",), "'class' is not a valid name: it is a word of Python"),
        (("clinic", "--publish", "all"), "'all' is neither code, members nor group:NAME"),
    ],
)
def test_a_project_that_cannot_be_made_leaves_nothing_behind(
    sfn_cqrs, tmp_path, monkeypatch, arguments, reason
):
    monkeypatch.chdir(tmp_path)

    refused = sfn_cqrs("init", *arguments)

    assert (refused.code, reason in refused.error) == (64, True)
    assert list(tmp_path.iterdir()) == []


def test_each_command_of_a_projects_page_is_one(unchanged):
    page = (unchanged / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\.venv/bin/sfn-cqrs (.*)", page, re.MULTILINE)

    assert lines
    for line in lines:
        group, words = cli, shlex.split(line)
        while isinstance(group, click.Group):
            group = group.get_command(click.Context(group), words.pop(0))
        group.make_context("sfn-cqrs", words)  # refuses wrong words


def test_packages_come_from_the_index_or_wheels_or_source_or_git(tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    wheels = tmp_path / "my wheels"
    wheels.mkdir()
    for name in ("sfn_local", "sfn_cqrs", "sfn_cqrs_tools"):
        (wheels / f"{name}-0.1.0-py3-none-any.whl").touch()

    def lines(source):
        return list(sources(source, tmp_path / "clinic").lines)

    assert lines(None) == [f"sfn-cqrs-tools=={version('sfn-cqrs-tools')}"]
    assert lines(str(wheels)) == [
        "./wheels/sfn_local-0.1.0-py3-none-any.whl",
        "./wheels/sfn_cqrs-0.1.0-py3-none-any.whl",
        "./wheels/sfn_cqrs_tools-0.1.0-py3-none-any.whl",
    ]
    assert [(tmp_path / "clinic" / line).resolve() for line in lines(str(CHECKOUT))] == [
        CHECKOUT / part for part in ("engine", "", "tools")
    ]
    assert lines(f"git+https://example.org/x.git@{commit}") == [
        f"sfn-local @ git+https://example.org/x.git@{commit}#subdirectory=engine",
        f"sfn-cqrs @ git+https://example.org/x.git@{commit}",
        f"sfn-cqrs-tools @ git+https://example.org/x.git@{commit}#subdirectory=tools",
    ]
    with pytest.raises(ScaffoldError, match="has neither wheels"):
        lines(str(tmp_path / "nowhere"))


@PROOF
def test_from_nothing_but_wheels_to_a_first_version(tmp_path):
    """Build the wheels, install them into an empty environment, and use a project there."""
    steps = {step.what: step for step in Walk(tmp_path).steps(is_built=False)}

    print(*steps.values(), sep="\n")
    assert "5 passed" in steps["make test"].printed
    first = steps["make up, and a first version"]
    assert "version 1 is applied" in first.printed
    assert first.seconds <= 60
    assert json.loads(steps["a module out, and back again"].printed) == [[], ["ITEM", "item_list"]]
    assert steps["make test"].seconds <= 30
    made = steps["sfn-cqrs init clinic"]
    assert (made.files, made.lines <= MOST_LINES) == (len(FILES), True)


OWN_TABLE = """\
  RoomsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: clinic-rooms
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]

  # The framework: its"""
OWN_STATEMENT = """\
        Statement:
          - Effect: Allow
            Action: dynamodb:PutItem
            Resource: !GetAtt RoomsTable.Arn
"""
CALLS_A_TABLE = """
import boto3

from sfn_cqrs.read_models import sync_handler
from sfn_cqrs.types import MEMBERS, Command, command_type

command_type("ROOM", publish=MEMBERS)


@sync_handler("ROOM")
def keep(command: Command) -> None:
    table = boto3.resource("dynamodb").Table("clinic-rooms")
    if command.key.code == "read":
        table.get_item(Key={"id": command.key.code})
    table.put_item(Item={"id": command.key.code})
"""


def write_machines(clinic):
    """Write a saga, whose second step refuses some, and a workflow that waits for another."""
    for generator in (
        ("saga", "trip", "--steps", "reserve,charge", "--publish", "members", "--own-machine"),
        ("workflow", "tour", "--states", "ask", "--callback", "ask"),
        ("workflow", "hotel", "--child-of", "tour"),
        ("webhook", "bank", "--header", "X-Bank-Signature"),
    ):
        made = CliRunner().invoke(cli, ["new", *generator])
        assert made.exit_code == 0, made.output
    module = clinic / "app/clinic/trip.py"
    imported = "BusyError, InvalidInputError, StepRefusedError"
    text = module.read_text().replace("InvalidInputError", imported, 1)
    head, charge, rest = text.partition('@saga_step(SAGA, "charge")')
    refuse = """if step.input["id"] == "dear":
        raise StepRefusedError("declined", "the bank does not pay")
    if step.input["id"] == "late":
        raise BusyError("declined", "the bank is closed")
    return {"id\""""
    module.write_text(head + charge + rest.replace('return {"id"', refuse, 1))


def write_rooms(clinic):
    """Write a table of the user's own, and a handler that calls it."""
    template = (clinic / "template.yaml").read_text()
    template = template.replace("  # The framework: its", OWN_TABLE)
    (clinic / "template.yaml").write_text(template.replace("        Statement:\n", OWN_STATEMENT))
    (clinic / "app/clinic/rooms.py").write_text(CALLS_A_TABLE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Return a stack of a project; it is the last that this file makes of this name."""
    clinic = project_in(tmp_path_factory.mktemp("deployed"))
    with chdir(clinic):
        write_machines(clinic)
        write_rooms(clinic)
    bring_up_to_date(clinic)
    share_translations(clinic)  # SAM's work on the same template is done once
    known = [*sys.path]
    with (
        forgetting(),
        quick_stack(
            template=clinic / "template.yaml", state_dir=clinic / ".sfn-cqrs", name="clinic"
        ) as started,
    ):
        yield started
    sys.path[:] = known
    forget(clinic)


@pytest.fixture
def on_stack(sfn_cqrs, stack, monkeypatch):
    """Return what runs a command in the folder of the project whose stack runs."""
    monkeypatch.chdir(stack.template.root)
    return sfn_cqrs


def machines_of(on_stack):
    """Name each execution's machine."""
    return {one["name"]: one["machine"] for one in on_stack("execution", "list", "--json").json}


@pytest.mark.stack
def test_a_first_version_is_applied_and_its_row_is_read(on_stack):
    known = machines_of(on_stack)

    item = ("APPOINTMENT", "1")
    published = on_stack("publish", *item, "--name", "x", "--attributes", '{"n": 1}', "--wait")
    shown = on_stack("read-model", "show", "appointment_list", "all", "--json")

    assert published.output == "APPOINTMENT 1 version 1 is applied\n"
    assert [row["row"]["name"] for row in shown.json] == ["x"]
    made = {one for name, one in machines_of(on_stack).items() if name not in known}
    assert made == {"command-express"}


@pytest.mark.stack
def test_a_project_runs_its_sagas_and_its_workflows(on_stack, stack):
    known = machines_of(on_stack)

    done = on_stack("saga", "start", "trip", '{"id": "cheap"}')
    undone = on_stack("saga", "start", "trip", '{"id": "dear"}', "--json")
    sfn = stack.client("stepfunctions")
    machine = stack.outputs["TourStateMachineArn"]
    tour = sfn.start_execution(stateMachineArn=machine, input='{"id": "t-1"}', name="t-1")
    ended = waited(
        lambda: sfn.describe_execution(**arn_of(tour)), lambda found: found["status"] != "RUNNING"
    )

    assert "trip is COMPLETED" in done.output
    assert (undone.json["status"], undone.json["error"]) == ("COMPENSATED", "declined")
    assert ended["status"] == "SUCCEEDED"
    made = {one for name, one in machines_of(on_stack).items() if name not in known}
    assert made == {"trip", "tour", "hotel"}
    assert [one for one in stack.denied if "on RoomsTable" not in one] == []


@pytest.mark.stack
def test_a_sample_whose_type_a_project_does_not_have_says_what_to_invoke(on_stack):
    task = on_stack("invoke", "task", "iterator")
    version = on_stack("invoke", "command", "check_version")
    link = on_stack("invoke", "api", "decide_by_link")

    assert (task.code, task.json["ok"]) == (0, False)
    assert task.error.splitlines()[:2] == [
        "no module of app/ declares the task type OFFER_REMINDER: the sample needs it",
        "with the event of an execution of yours: sfn-cqrs event task iterator --from EXECUTION"
        " | sfn-cqrs invoke task iterator -e -",
    ]
    assert version.error == "the items are those of --tenant sample\n"
    assert link.error.startswith("error: approval links are off: `sfn-cqrs up --parameter")


def arn_of(started):
    return {"executionArn": started["executionArn"]}


@pytest.mark.stack
def test_a_webhook_is_heard_from_whoever_has_the_secret_in_parameter_store(stack):
    body = b'{"id": "evt_1"}'
    signature = hmac.new(b"of this test", body, hashlib.sha256).hexdigest()
    known = len(stack.denied)

    def heard(signature):
        return fetch(
            f"{stack.http}/webhooks/bank", body=body, headers={"X-Bank-Signature": signature}
        )

    without_a_secret = heard(signature)
    stack.client("ssm").put_parameter(
        Name="/clinic/bank", Value="of this test", Type="SecureString"
    )

    assert without_a_secret.status == 500
    assert (heard(signature).status, heard(signature).json) == (200, {"heard": "evt_1"})
    assert (heard("00").status, heard("00").json["code"]) == (401, "bad_signature")
    assert fetch(f"{stack.http}/webhooks/nobody", body=body).status == 404
    assert list(stack.denied)[known:] == []


@pytest.mark.stack
def test_the_users_code_may_do_what_the_users_policy_allows(on_stack, stack):
    put, read = (
        on_stack("publish", "ROOM", code, "--name", "x", "--attributes", "{}", "--wait")
        for code in ("put", "read")
    )

    assert put.output == "ROOM put version 1 is applied\n"
    assert read.code != 0
    denied = list(stack.denied)
    assert {"dynamodb:GetItem" in one and "on RoomsTable" in one for one in denied} == {True}


@pytest.mark.stack
def test_the_sweep_begins_a_projects_saga_again_whose_execution_is_stopped(on_stack, stack):
    id_ = on_stack("saga", "start", "trip", '{"id": "late"}', "--no-wait").output.strip()
    sfn, machine = stack.client("stepfunctions"), stack.outputs["TripStateMachineArn"]
    seen: list[str] = []
    until = time.monotonic() + 60
    while len(seen) < 2:
        assert time.monotonic() < until, seen
        running = sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        for one in running["executions"]:
            if one["name"] not in seen:
                seen.append(one["name"])
                sfn.stop_execution(executionArn=one["executionArn"])
        time.sleep(0.05)

    assert [name[-3:] for name in seen] == ["-a1", "-a2"]
    assert id_.startswith("g-")
