"""docs/clients.md: its lines make both clients, which compile and publish to a stack."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.newcomer.page import blocks, commands, is_shown
from tests.support.typed import declaring

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
TYPES = (ROOT / "docs/types.md").read_text(encoding="utf-8")
LOCKED = Path(__file__).parent / "clients"
GENERATOR = ROOT / ".venv-clients/bin"
NODE = 20
STRICT = ("--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--noEmit")
INSTALLS = {"npm install ": "npm ci --no-audit --no-fund", "pip install ": "true"}
"""What a reader installs has pinned versions here."""

pytestmark = [
    pytest.mark.stack,
    pytest.mark.proof,
    pytest.mark.real_time("installs packages, and waits for a version as a client does"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for both clients; the stack has the first type of docs/types.md meanwhile."""
    folder = tmp_path_factory.mktemp("clients")
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(LOCKED / name, folder)
    with declaring():
        first = next(block for block in blocks(TYPES) if block.language == "python")
        exec(compile(first.text, "docs/types.md", "exec"), {"__name__": "shop.appointments"})
        yield folder


@pytest.fixture
def works_through(stack, folder):
    """Return what works through a section of the page, as a person would in a terminal."""
    path = os.pathsep.join((str(GENERATOR), os.environ["PATH"]))
    env = {**os.environ, "PATH": path, "API": stack.http, "TOKEN": "any"}

    def section(title):
        for part in ("# Clients", title):
            for block in blocks(PAGE.partition(part)[2].partition("\n## ")[0]):
                works(block, folder, env)

    return section


def works(block, folder, env):
    """Save a block as the file that it is, or type its lines and compare what they print."""
    if block.file:
        (folder / block.file).write_text(block.text)
    elif block.language == "sh":
        for line in block.text.splitlines():
            typed(line, folder, env)
    elif block.language == "console":
        for command, _, printed in commands(block.text):
            seen = typed(command, folder, env)
            assert is_shown(printed, seen), seen


def typed(line, folder, env):
    replaced = next((do for said, do in INSTALLS.items() if line.startswith(said)), line)
    done = subprocess.run(
        replaced, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_a_client_in_typescript_compiles_and_publishes(works_through, folder):
    found = shutil.which("node") and subprocess.check_output(("node", "--version"), text=True)
    if not found or not shutil.which("npm") or int(found[1:].partition(".")[0]) < NODE:
        pytest.fail(f"needs Node {NODE} or later with npm: apt-get install nodejs npm")

    works_through("## TypeScript")

    wrong = refusal(folder, ("npx", "tsc", *STRICT), "publish.ts", "minutes: 30", 'minutes: "lots"')
    assert "error TS2322: Type 'string' is not assignable to type 'number'" in wrong


def test_a_client_in_python_is_typed_and_publishes(works_through, folder):
    if not (GENERATOR / "openapi-python-client").exists():
        pytest.fail("needs the generator: make .venv-clients/.ready")

    works_through("## Python")

    mypy = (str(GENERATOR / "mypy"), "--strict", "--follow-imports", "silent")
    wrong = refusal(folder, mypy, "publish.py", "minutes=45", 'minutes="lots"')
    assert 'Argument "minutes" to "APPOINTMENT" has incompatible type "str"' in wrong


def refusal(folder, compiler, script, good, bad):
    """What a compiler says of a script with a wrong field; it refuses it."""
    text = (folder / script).read_text()
    assert good in text
    (folder / f"wrong_{script}").write_text(text.replace(good, bad))
    done = subprocess.run(
        (*compiler, f"wrong_{script}"), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done.stdout
