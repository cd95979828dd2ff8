import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.proof import without
from tests.template.stack import ROOT

PYTHON = "python3.13"
UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: hash-based, and never compared
BUILDS = [
    ("layer/Makefile", "build-FrameworkLayer"),
    ("layer/Makefile", "build-PostgresLayer"),
    ("app/Makefile", "build-SampleLayer"),
]

needs_python = pytest.mark.skipif(
    shutil.which(PYTHON) is None, reason=f"no {PYTHON} on PATH, which alone may build a layer"
)


def make(
    makefile: str, target: str, artifacts: Path, **variables: str
) -> subprocess.CompletedProcess:
    """Build a layer as SAM does: with ARTIFACTS_DIR in the environment."""
    set_by_make = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTHON")
    own = {name: value for name, value in os.environ.items() if name not in set_by_make}
    return subprocess.run(
        ["make", "-f", str(ROOT / makefile), target, *(f"{k}={v}" for k, v in variables.items())],
        env={**own, "ARTIFACTS_DIR": str(artifacts)},  # not with the settings of a make around it
        cwd=artifacts,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@needs_python
@pytest.mark.parametrize(("makefile", "target"), without(BUILDS, [BUILDS[0], BUILDS[2]]))
def test_a_layer_holds_byte_code_that_lambdas_python_takes_unchecked(
    tmp_path: Path, makefile: str, target: str
) -> None:
    built = make(makefile, target, tmp_path)
    assert built.returncode == 0, built.stderr

    site = tmp_path / "python"
    magic = subprocess.check_output(
        [
            PYTHON,
            "-c",
            "import importlib.util, sys; sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER)",
        ]
    )
    sources = list(site.rglob("*.py"))
    compiled = [Path(importlib.util.cache_from_source(str(source))) for source in sources]
    headers = {
        path.with_name(path.name.replace(sys.implementation.cache_tag, "cpython-313")).read_bytes()[
            :8
        ]
        for path in compiled
    }

    assert headers == {magic + UNCHECKED_HASH}
    assert [path.name for path in tmp_path.iterdir()] == ["python"]


def test_the_frameworks_layer_changes_with_the_users_package_and_with_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("layer", "app"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("sfn_cqrs"))
    monkeypatch.setattr("tests.template.test_layer.ROOT", tmp_path)

    def digest() -> str:
        built = make("layer/Makefile", "deployment", tmp_path, PYTHON=sys.executable)
        assert built.returncode == 0, built.stderr
        return (tmp_path / "python/deployment.sha256").read_text()

    first = digest()
    assert (len(first), digest()) == (65, first)

    (tmp_path / "app/shop/orders.py").write_text("# other code")
    other_code = digest()
    (tmp_path / "samconfig.toml").write_text("[prod]")
    other_file = digest()
    monkeypatch.setenv("DEPLOYED_WITH", "--parameter-overrides Stage=prod")

    assert len({first, other_code, other_file, digest()}) == 4


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="this Python is the right one")
@pytest.mark.parametrize(("makefile", "target"), BUILDS)
def test_another_python_is_refused(tmp_path: Path, makefile: str, target: str) -> None:
    built = make(makefile, target, tmp_path, PYTHON=sys.executable)

    assert built.returncode == 2
    assert "a layer is built with CPython 3.13" in built.stderr
    assert list(tmp_path.iterdir()) == []
