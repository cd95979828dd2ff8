"""The image that `make image` builds: an OCI archive, made without Docker.

Source: Open Container Initiative, Image Format Specification 1.1.
"""

import gzip
import hashlib
import importlib.util
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "image.py"
SPEC = importlib.util.spec_from_file_location("image", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
image = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(image)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def base(path: Path, **changes: Any) -> Path:
    """A base image of one layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("etc/base"))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin", "PYTHON_VERSION=3.13.5"], "Cmd": ["python3"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer.getvalue())]},
        **changes,
    }
    blobs = [packed, json.dumps(config).encode()]
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": image.CONFIG, "digest": digest(blobs[1]), "size": len(blobs[1])},
        "layers": [{"mediaType": image.LAYER, "digest": digest(packed), "size": len(packed)}],
    }
    blobs.append(json.dumps(manifest).encode())
    index = {"schemaVersion": 2, "manifests": [{"digest": digest(blobs[2])}]}
    with tarfile.open(path, "w") as archive:
        files = {f"blobs/{digest(blob).replace(':', '/')}": blob for blob in blobs}
        for name, content in {"./index.json": json.dumps(index).encode(), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "sfn_local" / "__pycache__").mkdir(parents=True)
    (folder / "sfn_local" / "__init__.py").write_text("")
    (folder / "sfn_local" / "__pycache__" / "x.pyc").write_text("")
    return folder


def test_the_image_is_the_base_and_a_layer_that_serves(tmp_path: Path, site: Path) -> None:
    target = tmp_path / "image.tar"
    told = image.build(base(tmp_path / "base.tar"), site, target)
    built = image.Archive(target)
    packed = built.blobs[built.manifest["layers"][1]["digest"]]
    layer = gzip.decompress(packed)

    assert told in built.blobs
    assert all(name == digest(content) for name, content in built.blobs.items())
    assert built.config["rootfs"]["diff_ids"][1] == digest(layer)
    assert built.config["config"]["Entrypoint"] == ["python", "-m", "sfn_local.cli"]
    assert built.config["config"]["Cmd"] == ["serve", "--host", "0.0.0.0"]
    assert built.config["config"]["ExposedPorts"] == {"8083/tcp": {}}
    assert built.config["config"]["Env"][1] == "PYTHON_VERSION=3.13.5"
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        assert files.getnames() == ["usr/local/lib/python3.13/site-packages/sfn_local/__init__.py"]


def test_the_same_files_are_the_same_image(tmp_path: Path, site: Path) -> None:
    source = base(tmp_path / "base.tar")
    digests = [image.build(source, site, tmp_path / f"{number}.tar") for number in range(2)]

    assert digests[0] == digests[1]
    assert (tmp_path / "0.tar").read_bytes() == (tmp_path / "1.tar").read_bytes()


def test_a_base_without_python_is_refused(tmp_path: Path, site: Path) -> None:
    source = base(tmp_path / "base.tar", config={"Env": ["PATH=/bin"]})
    with pytest.raises(image.ImageError, match="PYTHON_VERSION"):
        image.build(source, site, tmp_path / "image.tar")


def test_an_archive_without_an_image_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(image.ImageError, match="has 0 images"):
        image.Archive(tmp_path / "empty.tar")


FILES = {
    "said/__init__.py": "WORD = 'here'\n",
    "said-1.0.data/purelib/beside.py": "",
    "said-1.0.data/scripts/said": "#!python\n",
    "said-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: said\nVersion: 1.0\n",
    "said-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
}


def wheel(folder: Path, **changed: str) -> Path:
    """A wheel of a package called said."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "said-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**FILES, **changed}.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path


def test_a_wheel_is_unpacked_without_its_scripts(tmp_path: Path) -> None:
    image.unpack(wheel(tmp_path / "wheels"), tmp_path / "site")
    found = {path.relative_to(tmp_path / "site").as_posix() for path in _files(tmp_path / "site")}

    assert found == {
        "said/__init__.py",
        "beside.py",
        "said-1.0.dist-info/METADATA",
        "said-1.0.dist-info/WHEEL",
    }


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["../out.py", "said/../../out.py", "/tmp/out.py"])
def test_a_file_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(image.ImageError, match="outside"):
        image.unpack(wheel(tmp_path / "wheels", **{name: ""}), tmp_path / "site")


@pytest.mark.proof
@pytest.mark.real_time("pip is a process of its own")
def test_a_wheel_that_is_not_the_locked_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = wheel(tmp_path / "index")
    lock = tmp_path / "lock"
    hashed = digest(source.read_bytes())
    lock.write_text(f"said==1.0 --hash={hashed}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(source.parent))
    monkeypatch.setattr(image, "ENGINE", source)
    image.install(tmp_path / "one" / "site", "3.13", "x86_64", lock)
    wheel(tmp_path / "index", **{"said/__init__.py": "WORD = 'changed'\n"})

    assert (tmp_path / "one" / "site" / "said" / "__init__.py").exists()
    with pytest.raises(image.ImageError, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        image.install(tmp_path / "two" / "site", "3.13", "x86_64", lock)


def test_the_lock_has_all_that_the_engine_needs_with_boto3_and_nothing_else() -> None:
    """Each line pins a version, with hashes; what builds packages is not in the image."""
    lines = image.LOCK.read_text("utf-8").splitlines()
    pins = [line.partition("==")[0] for line in lines if line and line[0] not in " #"]

    assert {"boto3", "botocore", "click", "pyyaml"} <= set(pins)
    assert not {"hatchling", "pytest", "mcp"} & set(pins)
    assert sum("--hash=sha256:" in line for line in lines) >= len(pins)


def test_a_base_for_an_unknown_processor_is_refused() -> None:
    assert image.processor_of({"architecture": "arm64"}) == "aarch64"
    with pytest.raises(image.ImageError, match="for s390x; take one for amd64, arm64"):
        image.processor_of({"architecture": "s390x"})
