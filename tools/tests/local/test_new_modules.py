import json
import re
import sys
from contextlib import chdir

import pytest
from click.testing import CliRunner
from tests.support.project import CHECKED, copy_project, files_of, forget, run_in
from tests.support.proof import PROOF
from tests.support.typed import forgetting

from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.scaffold.importing import singular
from sfn_cqrs_tools.scaffold.sample import read_sample
from sfn_cqrs_tools.stack.samconfig import app_package
from sfn_cqrs_tools.testing.quick_stack import quick_stack

CUSTOMERS = """\
id,name,age,balance,active,since,zip,note
1,Ada,36,12.50,true,2020-01-31,01234,
2,"Grace ""Amazing"" Hopper",85,3,false,1999-12-09,90210,hello
"""
VISITS = """\
number,doctor,minutes,status,day
v-1,kuro,30,booked,2026-11-29
v-2,ito,45,done,2026-11-30
"""
ORDERS = ["import", "x", "--from", "S", "--type", "ORDER"]
FIELDS = "doctor:str 1..40, minutes:int 5..240, status:booked|done, email:str? personal, day:date"
LAWS = (
    "tests/template/test_environment.py::test_only_the_kernels_parts_read_the_environment",
    "tests/template/test_imports.py::test_no_module_imports_what_its_folder_must_not[app]",
    "tests/template/test_wiring.py::test_every_state_has_its_one_name_everywhere",
)
"""Those that read new modules; the others are of this checkout alone."""
TESTS = ("tests/unit/library", "tests/unit/starter")
MYPY = ("mypy", "--cache-dir", str(CHECKOUT / ".build/mypy"), "app")
"""Its cache is kept: the modules of layer and tools are as they are in this checkout."""
WEIGHING = """
@task_handler("WEIGH")
@import_strategy("places")
def weigh(): ...
"""
"""What has a task and a table already."""
GOODS = "商品番号;商品名;価格;在庫\nA-1;りんご;120;3\nA-2;みかん;80;\n".encode("cp932")


@pytest.fixture
def infer(sfn_cqrs, project, tmp_path):
    """Return what infers a table from the text of a sample, and answers what it printed."""

    def run(sample: str | bytes, *options: str) -> list[str]:
        path = tmp_path / "sample.csv"
        path.write_bytes(sample.encode() if isinstance(sample, str) else sample)
        code, output, error = sfn_cqrs("new", "import", "samples", "--from", path, *options)
        assert code == 0, error
        assert (project / "app/starter/samples_import.py").is_file()
        return output.split("\n\n")[0].splitlines()

    return run


def test_the_columns_of_a_sample_are_told(infer):
    assert infer(CUSTOMERS) == [
        "id: integer, filled",
        "name: text, filled",
        "age: integer, filled",
        "balance: number, filled",
        "active: boolean, filled",
        "since: date, filled",
        "zip: text, filled",
        "note: text, may be empty",
        "code: id; name: name; type: SAMPLE",
    ]


@pytest.mark.usefixtures("project")
def test_handlers_of_the_type_that_each_row_runs_alone_are_named(sfn_cqrs, tmp_path):
    path = tmp_path / "sample.csv"
    path.write_text("code,name\na-1,x\n")

    assert sfn_cqrs("new", "handler", "PARCEL_LABEL").code == 0
    made = sfn_cqrs("new", "import", "labels", "--from", path, "--type", "PARCEL_LABEL")

    assert "parcel_label.py: each row runs its handler by itself; @up_many does" in made.output


def test_a_sample_is_read_in_the_encodings_and_dialects_of_imports(infer):
    assert infer(GOODS) == [
        "商品番号: text, filled",
        "商品名: text, filled",
        "価格: integer, filled",
        "在庫: integer, may be empty",
        "code: 商品番号; name: 商品名; type: SAMPLE",
    ]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3"], "text"),  # a telephone number has a +
        (["1", "-2", "0"], "integer"),
        (["01", "10"], "text"),
        (["1234567890123456"], "text"),
        (["1", "1.5"], "number"),
        (["1", "1,5"], "text"),
        (["1e3"], "number"),
        (["nan"], "text"),
        (["TRUE", "false"], "boolean"),
        (["yes", "no"], "text"),
        (["2024-02-29"], "date"),
        (["2023-02-29"], "text"),
        (["", ""], "text"),
    ],
)
def test_a_column_is_what_all_of_its_cells_are(cells, kind, tmp_path):
    rows = "".join(f'k{place},"{cell}"\n' for place, cell in enumerate(cells))
    (tmp_path / "sample.csv").write_text(f"id,what\n{rows}")

    sample = read_sample(tmp_path / "sample.csv", None, None)

    assert [column.kind for column in sample.columns] == ["text", kind]


def test_a_key_may_be_told_where_it_cannot_be_inferred(infer):
    told = infer("a,b\nx,1\nx,1\n", "--code", "B", "--name", "a", "--type", "THING")

    assert told[-1] == "code: b; name: a; type: THING"


@pytest.mark.parametrize(
    ("table", "type_"),
    [
        ("customers", "CUSTOMER"),
        ("companies", "COMPANY"),
        ("addresses", "ADDRESS"),
        ("press", "PRESS"),
        ("order-lines", "ORDER_LINE"),
        ("data", "DATA"),
    ],
)
def test_the_type_is_one_of_what_the_table_holds(table, type_):
    assert singular(table).upper() == type_


def test_the_package_of_samconfig_is_where_new_modules_go(sfn_cqrs, project):
    (project / "app/library").mkdir()
    (project / "app/library/__init__.py").touch()
    (project / "samconfig.toml").write_text(
        '[dev.deploy.parameters]\nparameter_overrides = ["Stage=dev", "AppPackage=library"]\n'
    )

    code, _, error = sfn_cqrs("new", "handler", "BOOK")

    assert (code, error) == (0, "")
    assert (project / "app/library/book.py").is_file()


@pytest.mark.usefixtures("project")
def test_a_package_that_is_missing_is_made_and_which_one_runs_is_said(sfn_cqrs):
    code, output, error = sfn_cqrs("new", "handler", "BOOK", "--package", "library")

    assert (code, error) == (
        0,
        "the stack runs the package starter; to let it run library: sfn-cqrs init library\n",
    )
    assert output.splitlines() == [
        "new      app/library/__init__.py",
        "new      app/library/book.py",
        "new      tests/unit/library/test_book.py",
    ]


def test_init_makes_a_package_with_a_handler_and_its_test_and_names_it(sfn_cqrs, project):
    (project / "samconfig.toml").write_bytes((CHECKOUT / "samconfig.toml").read_bytes())

    code, output, error = sfn_cqrs("init", "library", "--type", "BOOK")

    assert (code, error) == (0, "")
    assert output.splitlines() == [
        "library is your package now: AppPackage in samconfig.toml names it",
        "",
        "new      app/library/__init__.py",
        "new      app/library/book.py",
        "new      tests/unit/library/test_book.py",
        "changed  samconfig.toml",
    ]
    assert app_package(project) == "library"
    assert 'command_type("BOOK", publish=MEMBERS)' in (project / "app/library/book.py").read_text()


def test_init_of_a_package_that_exists_only_names_it(sfn_cqrs, project):
    (project / "samconfig.toml").write_bytes((CHECKOUT / "samconfig.toml").read_bytes())
    sfn_cqrs("new", "handler", "BOOK", "--package", "library")

    first, second = (sfn_cqrs("init", "library", "--json") for _ in range(2))

    assert json.loads(first[1]) == {"created": [], "changed": ["samconfig.toml"]}
    assert json.loads(second[1]) == {"created": [], "changed": []}


@pytest.mark.parametrize(
    ("arguments", "sample", "message"),
    [
        (["handler", "parcel_label"], None, "'parcel_label' is not a type: capital letters"),
        (["handler", "X" * 33], None, "at most 32 characters"),
        (["handler", "CLASS"], None, "'class' is a word of Python"),
        (["handler", "ORDERS"], None, "app/starter/orders.py exists already"),
        (["handler", "A", "--package", "json"], None, "another package is called 'json' already"),
        (["handler", "A", "--package", "tests"], None, "another package is called 'tests'"),
        (["handler", "A", "--package", "My-Own"], None, "'My-Own' is not a name for a package"),
        (["handler", "A", "--package", "class"], None, "'class' is a word of Python"),
        (["task", "resize"], None, "'resize' is not a type"),
        (["task", "WEIGH"], None, "WEIGH has a handler in weighing.py already"),
        (["route", "invoices"], None, "'invoices' cannot be a path of yours"),
        (["route", "/data/mine"], None, "'/data/mine' cannot be a path of yours"),
        (["route", "/orders"], None, "app/starter/orders.py exists already"),
        (["route", "/class"], None, "'/class' makes no name of a module"),
        (["route", f"/{'a' * 33}"], None, "at most 32 characters"),
        (["route", "/2nd"], None, "'/2nd' makes no name of a module"),
        (["approval", "A", "--of", "B", "--group", "c", "--above", "n"], None, "is no limit of a"),
        (
            ["approval", "a", "--of", "B", "--group", "c", "--above", "n=1"],
            None,
            "'a' is not a type",
        ),
        (
            ["approval", "A", "--of", "B", "--group", "c", "--above", "n=1"],
            None,
            "declares B; `sfn-",
        ),
        (
            ["approval", "A", "--of", "B", "--group", "c d", "--above", "n=1"],
            None,
            "is neither code",
        ),
        (["webhook", "Bank"], None, "'Bank' is no name of a sender"),
        (["webhook", "class"], None, "'class' is no name of a sender"),
        (["webhook", "a" * 25], None, "at most 24, such as bank"),
        (["webhook", "bank", "--header", "X Sign"], None, "'X Sign' is no name of a header"),
        (["webhook", "bank", "--prefix", "'"], None, "cannot stand before a signature"),
        (["import", "x"], None, "Missing option '--from'"),
        (["import", "X", "--from", "S"], "id\n1\n", "'X' is not a table"),
        (["import", "places", "--from", "S"], "id\n1\n", "places has a strategy in weighing.py"),
        (["import", "x", "--from", "none.csv"], None, "--from none.csv: No such file"),
        (["import", "x", "--from", "S"], "", "the sample has no good row below its header"),
        (["import", "x", "--from", "S"], "id\n", "the sample has no good row below its header"),
        (["import", "x", "--from", "S"], "a,A\n1,2\n", "the header names 'A' more than once"),
        (["import", "x", "--from", "S"], "a,\n1,2\n", "the column '' needs a name"),
        (["import", "x", "--from", "S"], "a\n1\n1\n", "--code COLUMN names the one"),
        (["import", "x", "--from", "S", "--code", "b"], "a\n1\n", "no column 'b'; it has a"),
        (["import", "x", "--from", "S", "--type", "y"], "a\n1\n", "'y' is not a type"),
        (["import", "x", "--from", "S", "--encoding", "z"], "a\n1\n", "encoding: must be one of"),
        (["import", "x", "--from", "S"], "PK\x03\x04", "this is a ZIP archive, not CSV"),
        (
            ORDERS,
            "id,customer,colour\n1,ada,red\n",
            "'colour' is not a field of Order, the class of",
        ),
        (ORDERS, "id,total\n1,5\n", "the sample has no column 'customer', which Order of ORDER"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    arguments, sample, message, sfn_cqrs, untouched, tmp_path, monkeypatch
):
    (untouched / "app/starter/weighing.py").write_text(WEIGHING)
    monkeypatch.chdir(untouched)
    path = tmp_path / "sample.csv"
    path.write_text(sample or "")
    before = files_of(untouched)

    code, _, error = sfn_cqrs("new", *[str(path) if each == "S" else each for each in arguments])

    assert (code, message in error) == (64, True), error
    assert files_of(untouched) == before


def test_what_exists_is_left_alone(sfn_cqrs, project):
    first = sfn_cqrs("new", "handler", "PARCEL_LABEL", "--json")
    before = files_of(project)

    second = sfn_cqrs("new", "handler", "PARCEL_LABEL")

    assert json.loads(first[1])["created"] == [
        "app/starter/parcel_label.py",
        "tests/unit/starter/test_parcel_label.py",
    ]
    assert (second[0], "app/starter/parcel_label.py exists already" in second[2]) == (64, True)
    assert files_of(project) == before


@pytest.mark.parametrize(
    ("answer", "declared", "imported"),
    [
        ("members", "publish=MEMBERS", "MEMBERS"),
        ("group:clerk", 'publish=group("clerk")', "group"),
        ("", "publish=CODE", "CODE"),
    ],
)
def test_who_may_publish_is_asked_and_written(
    answer, declared, imported, sfn_cqrs, project, monkeypatch
):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", lambda text, **_: asked.append(text) or answer)

    handler = sfn_cqrs("new", "handler", "PARCEL")
    task = sfn_cqrs("new", "task", "WEIGH")

    assert (handler[0], task[0]) == (0, 0)
    assert asked == [
        f"who may {what} over HTTP? code, members or group:NAME"
        for what in ("publish PARCEL", "start WEIGH")
    ]
    texts = [(project / f"app/starter/{name}.py").read_text() for name in ("parcel", "weigh")]
    assert f'command_type("PARCEL", {declared})' in texts[0]
    assert f'@task_handler("WEIGH", timeout=60, retry=3, {declared})' in texts[1]
    policies = {imported, "MEMBERS"}  # who may read the read model
    assert imported_by(texts[0]) == {*policies, "Command", "command_type"}
    assert imported_by(texts[1]) == {imported, "Json"}


def imported_by(text):
    """What a module imports from the door of types."""
    (line,) = re.findall(r"^from sfn_cqrs\.types import (.+)$", text, re.MULTILINE)
    return set(line.split(", "))


@pytest.mark.parametrize("publish", ["everybody", "group:", "group:a b", "Members", "group:a'b"])
def test_who_may_publish_is_one_of_three(publish, sfn_cqrs, untouched, monkeypatch):
    monkeypatch.chdir(untouched)
    before = files_of(untouched)

    code, _, error = sfn_cqrs("new", "handler", "PARCEL", "--publish", publish)

    assert (code, "is neither code, members nor group:NAME" in error) == (64, True)
    assert files_of(untouched) == before


def test_a_type_that_is_declared_is_not_declared_again(sfn_cqrs, project):
    (project / "app/starter/declared.py").write_text('command_type("PARCEL")\n')

    code, _, _ = sfn_cqrs("new", "handler", "PARCEL", "--publish", "members")

    assert code == 0
    assert "command_type" not in (project / "app/starter/parcel.py").read_text()


@pytest.mark.parametrize(
    "fields",
    ["", "doctor", "doctor:text", "a:int, a:int", "a:int 5", "a:bool 1..2", "a:int ..", "if:int"],
)
def test_fields_that_cannot_be_read_are_refused(sfn_cqrs, untouched, monkeypatch, fields):
    monkeypatch.chdir(untouched)
    before = files_of(untouched)

    code, _, error = sfn_cqrs("new", "handler", "PARCEL", "--publish", "code", "--fields", fields)

    assert (code, bool(error)) == (64, True)
    assert files_of(untouched) == before


def test_a_handler_with_fields_has_a_model_of_them(sfn_cqrs, project):
    given = ("--publish", "members", "--fields", FIELDS)
    code, _, _ = sfn_cqrs("new", "handler", "PARCEL", *given)

    module = (project / "app/starter/parcel.py").read_text()
    assert code == 0
    assert "    minutes: Annotated[int, Meta(ge=5, le=240)]\n" in module
    assert "    email: Annotated[str, Personal] | None = None\n" in module


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A copy of the project with modules of every kind, and with names as long as they may be.

    It has another package, which init has made.
    """
    folder = tmp_path_factory.mktemp("clone")
    project = copy_project(folder / "project", only=CHECKED)
    (folder / "customers.csv").write_text(CUSTOMERS)
    (folder / "visits.csv").write_text(VISITS)
    (folder / "goods.csv").write_bytes(GOODS)
    (folder / "odd.csv").write_text('"a ""b""",it\'s,\\,{x}\n1,"\'""",\\n,{y}\n')
    longest = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    with chdir(project):
        new = (["new", *arguments] for arguments in modules(longest))
        for arguments in (LIBRARY, STARTER, *new):
            made = CliRunner().invoke(cli, arguments)
            assert made.exit_code == 0, made.output
    return project


LIBRARY = ["init", "library", "--type", "BOOK"]
STARTER = ["init", "starter"]  # the stack of a copy runs it, and not the example


def modules(longest):
    """The arguments of what makes modules of every kind."""
    return (
        ["handler", "PARCEL_LABEL", "--publish", "members"],
        ["handler", "PARCEL_VISIT", "--publish", "members", "--fields", FIELDS],
        ["handler", longest, "--publish", f"group:{longest}"],
        ["task", "WEIGH_PARCEL"],
        ["task", longest[::-1].replace("0", "O")[6:], "--publish", "group:clerk-of-the-office"],
        ["route", "/parcels/lost", "--allow", "members"],
        ["route", "/parcels/{parcel}/notes/{no}", "--method", "POST"],
        ["route", f"/{'a' * 32}", "--allow", f"group:{longest}"],
        [
            "approval",
            "LABEL_ABOVE",
            "--of",
            "PARCEL_LABEL",
            "--group",
            "clerk",
            "--above",
            "n=1000",
        ],
        ["approval", longest[1:], "--of", longest, "--group", "x" * 60, "--above", "n=99.5"],
        ["webhook", "parcel-post"],
        ["webhook", "a" * 24, "--header", "X" * 64, "--prefix", "abcdefghijklmno_256="],
        ["import", "parcel_senders", "--from", "../customers.csv", "--publish", "members"],
        ["import", "parcel_goods", "--from", "../goods.csv", "--type", "PARCEL_LABEL"],
        ["import", "parcel_visits", "--from", "../visits.csv", "--type", "PARCEL_VISIT"],
        ["import", longest.lower(), "--from", "../odd.csv", "--code", 'a "b"'],
    )


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--quiet", "app", *TESTS),
        ("ruff", "format", "--check", "app", *TESTS),
        MYPY,
        ("pytest", "-q", "-p", "no:cacheprovider", *TESTS, *LAWS),
        pytest.param(
            ("pytest", "-q", "-p", "no:cacheprovider", "tests/unit/kernel", "tests/unit/api"),
            marks=PROOF,
        ),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_what_is_new_passes_the_projects_own_checks_unchanged(command, grown):
    done = run_in(grown, *command)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture
def library(sfn_cqrs, grown, monkeypatch):
    """The copy, as the current folder, whose stack runs the package of init."""
    monkeypatch.chdir(grown)
    monkeypatch.setattr(sys, "path", [*sys.path])  # it runs in this process, which forgets it again
    assert sfn_cqrs(*LIBRARY[:2]).code == 0
    with forgetting():
        yield grown
    assert sfn_cqrs(*STARTER).code == 0
    forget(grown)


@pytest.mark.stack
@pytest.mark.real_time("a slow machine applies a version after it was asked for")
def test_what_init_writes_runs(sfn_cqrs, library, tmp_path):
    with quick_stack(template=library / "template.yaml", state_dir=tmp_path / "state") as stack:
        on = ("--state", stack.state.path)
        book = ["BOOK", "b-1", "--name", "x", "--attributes", '{"n": 1}', "--wait"]
        published = sfn_cqrs("publish", *book, *on)
        shown = sfn_cqrs("read-model", "show", "book_list", "all", *on)

    assert published.output == "BOOK b-1 version 1 is applied\n"
    assert '"name": "x"' in shown.output
