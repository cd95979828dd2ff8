"""docs/browser.md: its code publishes, and reads what it wrote; Node has the browser's fetch."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/browser.md").read_text(encoding="utf-8")
LOCAL = "http://localhost:8787"

pytestmark = [pytest.mark.stack, pytest.mark.proof]


def test_the_code_of_the_page_reads_its_own_write(stack, tmp_path):
    node = shutil.which("node")
    assert node, "install Node 20 or later, which runs the code of docs/browser.md"
    (code,) = re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)
    assert LOCAL in code
    script = tmp_path / "page.mjs"
    script.write_text(code.replace(LOCAL, stack.http))

    done = subprocess.run([node, script], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "Lamp 1\n", "")
