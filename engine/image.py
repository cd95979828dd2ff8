"""Builds a container image with sfn-local, without Docker: an OCI archive.

    skopeo copy docker://python:3.13-slim oci-archive:python.tar     # the base, or any other
    python engine/image.py --base python.tar --to sfn-local.tar
    docker load < sfn-local.tar                                      # or podman load, skopeo copy

The layer has the files of the engine's wheel, and of the wheels that requirements/image.lock
names, for the image's Python and processor. pip takes a wheel only if its hash is in the lock.
The wheels are unpacked and nothing else: neither the day nor the machine that builds the image is
in it, so its digest tells whether anything has changed.

Sources: Open Container Initiative, Image Format Specification 1.1; Python Packaging User Guide,
"Binary distribution format".
"""

import argparse
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).resolve().parent
LOCK = ENGINE.parent / "requirements" / "image.lock"
PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64"}
"""What wheels call the processors of images."""
LINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
PURE = ("purelib", "platlib")
"""The folders of a wheel's data that belong beside its packages."""
NAME = "sfn-local:latest"
PORT = "8083/tcp"
COMMAND = ["serve", "--host", "0.0.0.0"]
ENTRYPOINT = ["python", "-m", "sfn_local.cli"]
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EXECUTABLE, PLAIN, FOLDER = 0o755, 0o644, 0o755


class ImageError(ValueError):
    """A base image cannot be used."""


class Archive:
    """The blobs of an OCI archive, by their digests, and the manifest of its image."""

    def __init__(self, path: Path) -> None:
        """Read an archive.

        Raises:
            ImageError: it is not one, or has several images.
        """
        self.blobs: dict[str, bytes] = {}
        index: dict[str, Any] = {}
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member)
                name = member.name.removeprefix("./")
                if file is None:
                    continue
                if name == "index.json":
                    index = json.load(file)
                elif name.startswith("blobs/sha256/"):
                    self.blobs["sha256:" + name.rpartition("/")[2]] = file.read()
        manifests = index.get("manifests", [])
        if len(manifests) != 1:
            raise ImageError(f"{path} has {len(manifests)} images; take one for one platform")
        self.manifest: dict[str, Any] = self._json(manifests[0]["digest"])
        if "layers" not in self.manifest:
            raise ImageError(f"{path} has images of several platforms; take one")
        self.config: dict[str, Any] = self._json(self.manifest["config"]["digest"])

    def _json(self, digest: str) -> dict[str, Any]:
        if digest not in self.blobs:
            raise ImageError(f"the archive lacks {digest}")
        value: dict[str, Any] = json.loads(self.blobs[digest])
        return value

    def add(self, content: bytes, kind: str) -> dict[str, Any]:
        """Keep a blob; return what refers to it."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"mediaType": kind, "digest": digest, "size": len(content)}


def layer_of(site: Path, place: str) -> bytes:
    """Return a tar of a folder's files at a place of the image, the same for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for path in sorted(site.rglob("*")):
            if "__pycache__" in path.parts or not path.is_file():
                continue
            content = path.read_bytes()
            entry = tarfile.TarInfo(f"{place}/{path.relative_to(site).as_posix()}")
            entry.size, entry.mode, entry.mtime = len(content), PLAIN, 0
            layer.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def build(base: Path, site: Path, target: Path) -> str:
    """Write the image of a base and of installed files; return the digest of its manifest.

    Raises:
        ImageError: the base cannot be used.
    """
    archive = Archive(base)
    layer = layer_of(site, site_packages(archive.config))
    config = json.loads(json.dumps(archive.config))
    config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(layer).hexdigest()}")
    config.setdefault("history", []).append(
        {"created_by": "sfn-local", "comment": "engine/image.py"}
    )
    config["config"] = {
        **config.get("config", {}),
        "Entrypoint": ENTRYPOINT,
        "Cmd": COMMAND,
        "ExposedPorts": {PORT: {}},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": archive.add(_text(config), CONFIG),
        "layers": [
            *archive.manifest["layers"],
            archive.add(gzip.compress(layer, mtime=0), LAYER),
        ],
    }
    entry = archive.add(_text(manifest), MANIFEST)
    named = {**entry, "annotations": {"org.opencontainers.image.ref.name": NAME}}
    index = {"schemaVersion": 2, "manifests": [named]}
    used = {entry["digest"], manifest["config"]["digest"]}
    used |= {each["digest"] for each in manifest["layers"]}
    with tarfile.open(target, "w") as written:
        _add(written, "oci-layout", _text({"imageLayoutVersion": "1.0.0"}))
        _add(written, "index.json", _text(index))
        for digest in sorted(used):
            if digest not in archive.blobs:
                raise ImageError(f"the archive lacks {digest}")
            _add(written, f"blobs/{digest.replace(':', '/')}", archive.blobs[digest])
    return str(entry["digest"])


def site_packages(config: dict[str, Any]) -> str:
    """Return where the image's Python finds packages, by its PYTHON_VERSION.

    Raises:
        ImageError: the base is not one of Python's images.
    """
    return f"usr/local/lib/python{python_of(config)}/site-packages"


def python_of(config: dict[str, Any]) -> str:
    """Return the version of the image's Python: 3.13.

    Raises:
        ImageError: the base is not one of Python's images.
    """
    for variable in config.get("config", {}).get("Env", []):
        name, _, value = variable.partition("=")
        if name == "PYTHON_VERSION":
            return ".".join(value.split(".")[:2])
    raise ImageError("the base has no PYTHON_VERSION; take one of the images called python")


def _text(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), PLAIN, 0
    archive.addfile(entry, io.BytesIO(content))


def processor_of(config: dict[str, Any]) -> str:
    """Return what wheels call the image's processor: x86_64.

    Raises:
        ImageError: there are no wheels for it.
    """
    architecture = config.get("architecture")
    if architecture not in PROCESSORS:
        raise ImageError(f"the base is for {architecture}; take one for {', '.join(PROCESSORS)}")
    return PROCESSORS[architecture]


def install(site: Path, python: str, processor: str, lock: Path = LOCK) -> None:
    """Unpack the engine's wheel and those of the lock, with boto3, for an image's Python.

    Raises:
        ImageError: a wheel is not the one that was locked, or cannot be had.
    """
    wheels = site.parent / "wheels"
    kinds = [f"--platform={linux}_{processor}" for linux in LINUX]
    _pip(
        *("download", "--no-deps", "--require-hashes", "--only-binary=:all:"),
        *("--python-version", python, "--implementation", "cp", *kinds),
        *("-d", str(wheels), "-r", str(lock)),
    )
    _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(ENGINE))
    for wheel in sorted(wheels.glob("*.whl")):
        unpack(wheel, site)


def _pip(*arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"pip {arguments[0]} failed: {done.stderr.strip()}")


def unpack(wheel: Path, site: Path) -> None:
    """Write the files of a wheel; its scripts are left out, since the image runs a module.

    Raises:
        ImageError: a file would lie outside.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            parts = Path(name).parts
            if parts[0].endswith(".data"):
                parts = parts[2:] if parts[1] in PURE else ()
            if not parts or name.endswith("/"):
                continue
            if Path(name).is_absolute() or ".." in parts:
                raise ImageError(f"{wheel.name} has a file outside: {name}")
            path = site.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))


def main() -> None:
    """Build the image that the arguments describe."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="an OCI archive of python:3.x")
    parser.add_argument("--to", type=Path, default=Path("sfn-local.tar"), help="what is written")
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            site = Path(folder) / "site"
            config = Archive(given.base).config
            install(site, python_of(config), processor_of(config))
            digest = build(given.base, site, given.to)
    except (ImageError, OSError, tarfile.TarError) as error:
        raise SystemExit(f"{given.base}: {error}") from None
    print(f"wrote {given.to}, {digest}")


if __name__ == "__main__":
    main()
