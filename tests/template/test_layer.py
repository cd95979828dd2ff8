import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tests.support.commands import ran
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
    return ran(
        *("make", "-f", ROOT / makefile, target, *(f"{k}={v}" for k, v in variables.items())),
        env={**own, "ARTIFACTS_DIR": str(artifacts)},  # not with the settings of a make around it
        cwd=artifacts,
        timeout=120,
    )


@pytest.fixture(scope="module")
def layer_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Return a way to the folder of a layer, which is built once."""

    @cache
    def build(makefile: str, target: str) -> Path:
        artifacts = tmp_path_factory.mktemp(target)
        built = make(makefile, target, artifacts)
        assert built.returncode == 0, built.stderr
        return artifacts

    return build


@needs_python
@pytest.mark.parametrize(("makefile", "target"), without(BUILDS, [BUILDS[0], BUILDS[2]]))
def test_a_layer_holds_byte_code_that_lambdas_python_takes_unchecked(
    layer_of: Callable[[str, str], Path], makefile: str, target: str
) -> None:
    artifacts = layer_of(makefile, target)
    site = artifacts / "python"
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
    assert [path.name for path in artifacts.iterdir()] == ["python"]


IN_REPOSITORY = ("app/starter/orders.py", "template.yaml", "samconfig.toml")
IN_PROJECT = ("app/clinic/visits.py", "template.yaml", "samconfig.toml", ".framework/template.yaml")


@pytest.mark.parametrize(
    ("layer", "brought"),
    [("layer", IN_REPOSITORY), (".framework/layer", IN_PROJECT)],
    ids=["the repository", "a project"],
)
def test_the_frameworks_layer_changes_with_whatever_is_deployed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: str, brought: tuple[str, ...]
) -> None:
    root = tmp_path / "one"
    ignored = shutil.ignore_patterns("sfn_cqrs", "__pycache__")
    shutil.copytree(ROOT / "layer", root / layer, ignore=ignored)
    monkeypatch.setattr("tests.template.test_layer.ROOT", root)

    def digest() -> str:
        built = make(f"{layer}/Makefile", "deployment", tmp_path, PYTHON=sys.executable)
        assert built.returncode == 0, built.stderr
        return (tmp_path / "python/deployment.sha256").read_text()

    digests = [digest()]
    for name in brought:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("# what is new")
        digests.append(digest())
    monkeypatch.setenv("DEPLOYED_WITH", "--parameter-overrides Stage=prod")
    digests.append(digest())

    assert (len(digests[0]), len(set(digests))) == (65, len(digests))
    (tmp_path / "template.yaml").write_text("# of a folder around it")
    (root / "app/__pycache__").mkdir()
    (root / "app/__pycache__/visits.pyc").write_text("made by a test run")
    root = root.rename(tmp_path / "elsewhere")
    monkeypatch.setattr("tests.template.test_layer.ROOT", root)
    assert digest() == digests[-1]


@needs_python
def test_a_built_layer_holds_that_digest(layer_of: Callable[[str, str], Path]) -> None:
    built = layer_of("layer/Makefile", "build-FrameworkLayer") / "python/deployment.sha256"

    assert len(built.read_text()) == 65


@needs_python
@pytest.mark.proof
def test_one_layer_has_the_extensions_of_both_architectures(
    layer_of: Callable[[str, str], Path],
) -> None:
    site = layer_of("layer/Makefile", "build-FrameworkLayer") / "python"

    extensions = {path.name for path in (site / "msgspec").glob("*.so")}

    assert extensions == {
        "_core.cpython-313-aarch64-linux-gnu.so",
        "_core.cpython-313-x86_64-linux-gnu.so",
    }


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="this Python is the right one")
@pytest.mark.parametrize(("makefile", "target"), BUILDS)
def test_another_python_is_refused(tmp_path: Path, makefile: str, target: str) -> None:
    built = make(makefile, target, tmp_path, PYTHON=sys.executable)

    assert built.returncode == 2
    assert "a layer is built with CPython 3.13" in built.stderr
    assert list(tmp_path.iterdir()) == []
