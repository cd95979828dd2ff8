"""The lines and the Python that README and docs show, typed and run where a stack is.

What a page shows below a line is compared with what the line prints, as the tutorial's is.
`tests/support/code_blocks.py` says which lines are left to people, and why.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.newcomer.page import commands, is_shown
from tests.support.code_blocks import ROOT, Block, blocks, calls_of, fate, plain, reason, typed
from tests.support.commands import ran
from tests.support.places import EXAMPLE
from tests.support.project import SCAFFOLDED, copy_project
from tests.support.typed import forgetting, load

from sfn_cqrs_tools.stack.samples import FILE as SAMPLES

pytestmark = [pytest.mark.stack, pytest.mark.real_time("watches imports as a person does")]

RUN = [block for block in blocks() if fate(block) == "run"]
PAGES = sorted({block.page for block in RUN})
ID = re.compile(r"\b([a-z])-[0-9A-HJKMNP-TV-Z]{26}\b")
PATIENCE_SECONDS = 60
PATH = os.pathsep.join((".", "examples/shop/app", "layer", "engine", "tools"))
FAILS = {  # what these lines show has failed in part, or has ended; their exit codes
    "import dry-run airports.csv": 2,
    "import start airports.csv": 2,
    "import retry": 2,
    "import status": 2,
    "--mock ApproveTimesOut": 1,
    "import cancel": 1,
    '"to": "nowhere"': 2,
    "task retry": 2,
    '"card": "declined"': 2,
}
SEEN = (  # what a reader of the README has typed before
    'publish ORDER o-1 --name First --attributes {"customer":"ada","total":12.5} --wait',
    'publish STOCK BOOK --name Book --attributes {"available":5} --wait',
)


@pytest.fixture(scope="module", autouse=True)
def _forgets():
    """Forget afterwards what clones declare; files after this one know the example alone."""
    load("shop")
    known = {*sys.modules}
    with forgetting():
        yield
    for name in {*sys.modules} - known:
        if name.partition(".")[0] == "starter":
            del sys.modules[name]


class Clones:
    """Clones with the files that the pages speak of; a block gets one as it was made."""

    def __init__(self, make):
        self._make = make
        self._clone = None
        self._as_made = {}

    def unchanged(self):
        """Return the last one, or one that is new if somebody has changed that."""
        if self._clone is None or self._times() != self._as_made:
            self._clone = self._make()
            self._as_made = self._times()
        return self._clone

    def _times(self):
        return {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns  # noqa: PTH116, PTH118 - fast
            for folder, _, names in os.walk(self._clone)
            for name in names
        }


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    def make():
        clone = copy_project(
            tmp_path_factory.mktemp("clone") / "project", only=(*SCAFFOLDED, "samconfig.toml")
        )
        _runs_the_example(clone)
        rows = (ROOT / "examples/airports.csv").read_text(encoding="utf-8")
        (clone / "airports.csv").write_text(f"{rows}XXXX,,,,,\n")
        (clone / "customers.csv").write_text("id,name,email\nc1,Ada,ada@example.com\n")
        with zipfile.ZipFile(clone / "exports.zip", "w") as archive:
            archive.writestr("20261127093000-airports.csv", rows)
        return clone

    return Clones(make)


def _runs_the_example(clone):
    """Give the clone the package that the stack runs, in place of the starter."""
    shutil.rmtree(clone / "app/starter")
    shutil.copytree(EXAMPLE / "app/shop", clone / "app/shop")
    stages = clone / "samconfig.toml"
    text = stages.read_text(encoding="utf-8")
    stages.write_text(re.sub('"Stage=', '"AppPackage=shop", "Stage=', text))


@pytest.fixture
def folder(clones, monkeypatch):
    """Return what makes an unchanged clone the current folder."""

    def enter():
        clone = clones.unchanged()
        of_the_stack = (EXAMPLE / SAMPLES).read_text(encoding="utf-8")
        (clone / SAMPLES).write_text(of_the_stack, encoding="utf-8")
        monkeypatch.chdir(clone)
        return clone

    return enter


@pytest.fixture
def _seen(typed):
    for line in SEEN:
        typed(*line.split(), "--version", "-1")


@pytest.fixture
def person(typed, folder, stack, _seen):
    return Person(typed, folder, stack)


class Person:
    """Types lines in a clone; knows the last id of each kind that was shown."""

    def __init__(self, types, folder, stack):
        self._types = types
        self._address = stack.http.removeprefix("http://")
        self._folder = folder
        self._ids = {}
        self._seen = ("",)

    def works_through(self, block):
        clone = self._folder()
        shown = {plain(line): (code, text) for line, code, text in commands(block.text) if text}
        for line in typed(block):
            if reason(line) is not None:
                continue
            place = f"{block.place}: {line}"
            code, text = shown.get(line, (None, ""))
            yield from self._types_line(clone, place, line, code)
            if text and not any(is_shown(text, seen) for seen in self._seen):
                yield f"{place} prints\n{self._seen[0]}"

    def _types_line(self, clone, place, line, code):
        if line.startswith("curl "):
            self._seen = (self._asks(line),)
        for call in calls_of(line):
            fails = {code for begin, code in FAILS.items() if begin in line}
            codes = {code} if code is not None else fails or {0}
            until = monotonic() + PATIENCE_SECONDS
            while (result := self._types(*self._known(call))).code not in codes:
                if "version_conflict" in result.error:
                    call += ["--version", "-1"]  # another page has published it
                elif "not_found" not in result.error or monotonic() > until:
                    yield f"{place}: {result}"
                    break
                sleep(0.05)
            self._seen = result.output + result.error, result.error + result.output
            self._ids |= {found[1]: found[0] for found in ID.finditer(result.output)}
            if target := re.search(r" > (\w\S+)$", line):
                (clone / target[1].rpartition("/")[2]).write_text(result.output)

    def _asks(self, line):
        asked = line.replace("localhost:8787", self._address)
        return subprocess.run(
            ["bash", "-c", asked], capture_output=True, text=True, check=True
        ).stdout

    def _known(self, words):
        for word in words:
            if "*" in word:
                yield from sorted(str(path) for path in Path().glob(word))
            else:
                yield self._ids.get(word[0], word) if word.endswith("-…") else word


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_page_can_be_typed(person, page):
    here = [block for block in RUN if block.page == page and block.language != "python"]

    wrong = [wrong for block in here for wrong in person.works_through(block)]
    assert wrong == []


def test_a_page_that_shows_something_else_is_found(person):
    shown = "$ sfn-cqrs explain SyncHandlerError\nnobody knows\n"

    (wrong,) = person.works_through(Block("docs/a.md", 1, "console", shown, ""))
    assert wrong.startswith("docs/a.md:1: sfn-cqrs explain SyncHandlerError prints\nSyncHandler")


@pytest.mark.usefixtures("_seen")
def test_python_of_all_pages_runs(stack):
    """One process runs them all, each in a fork: names that a block does not make are given."""
    shown = [block for block in RUN if block.language == "python"]
    run = ran(
        *(sys.executable, "-m", "tests.newcomer.python_blocks"),
        input=json.dumps([(block.place, block.text) for block in shown]),
        env={**os.environ, **stack.state.read().environment, "PYTHONPATH": PATH},
        cwd=ROOT,
    )

    assert (run.returncode, run.stdout.split()) == (0, [block.place for block in shown]), run.stderr


ORDER = '{"customer": "ada", "total": 5}'
SCRIPT = """
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.command.data import DataService
CommandService("tenant1").publish("ORDER", "o-env", name="x", attributes={"customer": "ada"})
print(DataService("tenant1").get("ORDER", "o-old").attributes["total"])
"""


def test_with_it_the_python_lines_of_the_readme_run_in_any_script(typed):
    typed("publish", "ORDER", "o-old", "--name", "x", "--attributes", ORDER, "--sync")

    printed = typed("env").output
    names = dict(
        shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in printed.splitlines()
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": "examples/shop/app", **names}
    done = ran(sys.executable, "-c", SCRIPT, env=env)

    assert (done.stdout, done.returncode) == ("5\n", 0), done.stderr
    assert typed("chain", "show", "ORDER", "o-env").code == 0


def test_sam_local_and_other_tools_get_the_same(typed):
    as_json = typed("env", "--json").json

    assert as_json["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert json.loads(typed("env", "--for", "sam-local").output) == {"Parameters": as_json}
    assert f"APP_PACKAGE={as_json['APP_PACKAGE']}\n" in typed("env", "--for", "dotenv").output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(typed, shell):
    script = typed("completion", shell)

    assert script.code == 0
    assert f"_SFN_CQRS_COMPLETE={shell}_complete" in script.output
