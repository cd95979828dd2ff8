"""The files of a release: built twice, looked at, and tried as their users get them.

`files.py build FOLDER` writes the six packages, SHA256SUMS and notes.md; RELEASE, if it is set,
is the tag that they are for. `files.py try FOLDER` installs each wheel alone, in an empty
environment of the Python that runs this. `files.py dry-run FOLDER` clones what is committed,
releases it there, and does both. Nothing is pushed or published.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from runpy import run_path

ROOT = Path(__file__).resolve().parents[1]
TWINE, UV = ROOT / ".venv-supply/bin/twine", ROOT / ".venv-uv/bin/uv"
LOCK = "requirements/engine.lock"
"""It has what builds the packages, with hashes."""
SOURCES = {"sfn_local": "engine", "sfn_cqrs": ".", "sfn_cqrs_tools": "tools"}
NEEDS = {"sfn_cqrs_tools": ("sfn_cqrs", "sfn_local")}
"""Packages of the same release that a package needs."""
MACHINE = '{"Comment": "ends", "StartAt": "a", "States": {"a": {"Type": "Succeed"}}}'
TRIES = {
    "sfn_local": ("bin/sfn-local", "lint", "a.asl.json"),
    "sfn_cqrs": ("bin/python", "-c", "import sfn_cqrs.commands, sfn_cqrs.types"),
    "sfn_cqrs_tools": ("bin/sfn-cqrs", "init", "clinic", "--wheels", "wheels"),
}
"""What a user does first with each package."""


class FilesError(Exception):
    """The files cannot be released; each argument is a reason."""


def build(folder: Path) -> None:
    """Write the files of a release.

    Raises:
        FilesError: the tag is another version's, or a file is not fit to be published.
    """
    release = run_path(str(ROOT / "requirements/release.py"))
    made = release["Release"](ROOT, "")
    version = made.current()
    if (tag := os.environ.get("RELEASE")) and tag != f"v{version}":
        raise FilesError(f"the tag {tag} is not for this checkout, which is {version}")
    try:
        notes = made.notes()
    except release["RefusedError"] as refused:
        raise FilesError(*refused.args) from None
    packages = folder / "packages"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as again:
        _build(packages)
        _build(Path(again))
        problems = [*different(packages, Path(again)), *unlicensed(packages)]
    if problems:
        raise FilesError(*problems)
    files = sorted(packages.iterdir())
    _run(TWINE, "check", "--strict", *files)
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    (folder / "notes.md").write_text(notes, encoding="utf-8")


def _build(folder: Path) -> None:
    """Build each package: from what is locked, and with the time of the commit in it."""
    of_commit = ("git", "-C", str(ROOT), "log", "-1", "--format=%ct")
    time = subprocess.run(of_commit, capture_output=True, text=True, check=True).stdout.strip()
    for source in SOURCES.values():
        _run(
            *(UV, "build", "--quiet", "--out-dir", folder, "--require-hashes"),
            *("--build-constraints", ROOT / LOCK, ROOT / source),
            SOURCE_DATE_EPOCH=time,
        )
    (folder / ".gitignore").unlink(missing_ok=True)


def different(one: Path, other: Path) -> list[str]:
    """Return what differs between two builds: a build has to give the same bytes each time."""
    names = {path.name for folder in (one, other) for path in folder.iterdir()}
    return [
        f"{name} is built differently each time"
        for name in sorted(names)
        if not (one / name).exists()
        or not (other / name).exists()
        or (one / name).read_bytes() != (other / name).read_bytes()
    ]


def unlicensed(folder: Path) -> list[str]:
    """Return the files that do not hold their licence."""
    missing = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".whl":
            names = zipfile.ZipFile(path).namelist()
        else:
            with tarfile.open(path) as archive:
                names = archive.getnames()
        if not any(name.endswith("/LICENSE") for name in names):
            missing.append(f"{path.name} holds no LICENSE")
    return missing


def attempt(folder: Path) -> None:
    """Install each wheel alone, with what it needs, and do what its users do first."""
    for package, command in TRIES.items():
        with tempfile.TemporaryDirectory() as made:
            home = Path(made)
            shutil.copytree(folder / "packages", home / "wheels")
            wheels = [_wheel(home / "wheels", name) for name in (package, *NEEDS.get(package, ()))]
            _run(sys.executable, "-m", "venv", home)
            _run(home / "bin/python", "-m", "pip", "install", "--quiet", *wheels)
            _run(home / "bin/python", "-m", "pip", "check")
            (home / "a.asl.json").write_text(MACHINE, encoding="utf-8")
            _run(home / command[0], *command[1:], folder=home)
        print(f"{package}: installed alone, and {' '.join(command[:2])} did its work")


def _wheel(folder: Path, package: str) -> Path:
    (path,) = folder.glob(f"{package}-*.whl")
    return path


def dry_run(folder: Path) -> None:
    """Release what is committed in a clone, from the changelogs to files that were tried."""
    with tempfile.TemporaryDirectory() as made:
        clone = Path(made) / "checkout"
        _run("git", "clone", "--quiet", ROOT, clone)
        for tools in (".venv-supply", ".venv-uv"):
            (clone / tools).symlink_to(ROOT / tools)
        version = os.environ.get("VERSION") or "0.1.0"
        for step in ("prepare", "tag"):
            _run(sys.executable, clone / "requirements/release.py", step, version, **_author())
        script = clone / "requirements/files.py"
        for step in ("build", "try"):
            _run(sys.executable, script, step, folder.absolute(), RELEASE=f"v{version}")
    print(f"{folder} has what a tag would publish; left out: {LEFT_OUT}")


LEFT_OUT = "the push of the tag, PyPI, the image's registry, attestations, the release on GitHub"


def _author() -> dict[str, str]:
    said = {"NAME": "dry run", "EMAIL": "dry-run@example.com", "DATE": f"{datetime.now(UTC)}"}
    return {f"GIT_{who}_{what}": said[what] for who in ("AUTHOR", "COMMITTER") for what in said}


def _run(*command: str | Path, folder: Path | None = None, **environment: str) -> None:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(list(command), cwd=folder, env=kept | environment, check=False)
    if done.returncode:
        raise FilesError(f"{Path(command[0]).name} ended with {done.returncode}: {command[1:]}")


def main(step: str, folder: str) -> int:
    """Run a step: `build`, `try` or `dry-run`."""
    try:
        {"build": build, "try": attempt, "dry-run": dry_run}[step](Path(folder))
    except FilesError as error:
        print("\n".join(f"release: {reason}" for reason in error.args), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
