import subprocess
import sys
from pathlib import Path

import pytest

STRANGER = "def test_it(tmp_path): assert tmp_path.is_dir()\n"


def test_another_run_of_the_same_user_leaves_our_folders_open_to_a_server_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = [folder for folder in tmp_path.parents if folder.name.startswith(("tests-", "pytest-"))]
    outermost = above[-1] if above else tmp_path
    before = outermost.stat().st_mode
    outermost.chmod(0o755)
    (tmp_path / "test_other.py").write_text(STRANGER)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_other.py")
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    left = outermost.stat().st_mode & 0o777
    outermost.chmod(before)
    assert left == 0o755
