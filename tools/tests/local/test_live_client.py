"""The client of live updates for browsers: its own tests in Node, its size, and its types."""

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sfn_cqrs_tools.project import CHECKOUT

PACKAGE = CHECKOUT / "tools/node"
COMPILED = CHECKOUT / "tools/sfn_cqrs_tools/runtime/live/static/live-client.js"
LOCKED = CHECKOUT / "tests/newcomer/clients"
MOST_BYTES = 5_000
TYPED = """
import { Items, type Attributes } from "./index.js";

interface components { schemas: { ORDER: { customer: string; total: number } } }
declare const stack: ConstructorParameters<typeof Items>[0];
type Order = Attributes<components, "ORDER">;
const orders = new Items<Order>(stack, "ORDER", { change: (rows) => rows[0]?.attributes.total });
void orders.publish("o-1", { name: "Lamp", attributes: { customer: "ada", total: 5 } });
"""


def run(*command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    line = [str(part) for part in command]
    env = {**os.environ, **variables}
    return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_a_page_that_slept_has_every_row_and_a_publish_shows_at_once(tmp_path):
    node = shutil.which("node")
    assert node, "install Node 20 or later, which runs the tests of tools/node"
    client = tmp_path / "client.mjs"
    client.write_bytes(COMPILED.read_bytes())

    done = run(node, "--test", "items.test.mjs", cwd=PACKAGE, CLIENT=str(client))

    assert done.returncode == 0, done.stdout
    assert "# pass 8" in done.stdout or "pass 8" in done.stdout


def test_it_is_small_and_needs_nothing():
    described = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    version = json.loads((CHECKOUT / "engine/node/package.json").read_text())["version"]

    assert len(gzip.compress(COMPILED.read_bytes(), 9, mtime=0)) < MOST_BYTES
    assert "dependencies" not in described
    assert "import " not in COMPILED.read_text(encoding="utf-8").partition("\n")[0]
    assert described["version"] == version


@pytest.mark.proof
@pytest.mark.real_time("installs the compiler")
def test_the_page_has_what_the_compiler_makes_and_its_types_refuse_a_wrong_field(tmp_path):
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(LOCKED / name, tmp_path)
    installed = run("npm", "ci", "--no-audit", "--no-fund", cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    compiler, out = tmp_path / "node_modules/.bin/tsc", tmp_path / "dist"

    compiled = run(compiler, "--project", PACKAGE, "--outDir", out, cwd=tmp_path)
    (out / "good.ts").write_text(TYPED)
    (out / "bad.ts").write_text(TYPED.replace("total: 5", 'total: "5"'))
    strict = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext")
    good, bad = (run(compiler, *strict, out / f"{one}.ts", cwd=tmp_path) for one in ("good", "bad"))

    assert compiled.returncode == 0, compiled.stdout
    assert (out / "index.js").read_bytes() == COMPILED.read_bytes()
    assert good.returncode == 0, good.stdout
    assert "error TS2322: Type 'string' is not assignable to type 'number'" in bad.stdout
