"""Publish one version of the site in .build/site on the branch gh-pages, beside the earlier ones.

DOCS_VERSION names the version, as for build.py. GITHUB_TOKEN, if it is set, may push to `origin`.
Needs git and Python, and no package: nothing that others wrote runs where this may write.
"""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from runpy import run_path

HERE = Path(__file__).resolve().parent
BRANCH = "gh-pages"
AUTHOR = ("-c", "user.name=docs", "-c", "user.email=docs@users.noreply.github.com")


def publish(site: Path, version: str, remote: str) -> None:
    """Push the version's folder, the list of versions and the page that leads to the newest."""
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder)
        _begin(pages, remote)
        shutil.rmtree(pages / version, ignore_errors=True)
        shutil.copytree(site / version, pages / version, symlinks=True)
        run_path(str(HERE / "build.py"))["listed"](pages, version)
        (pages / ".nojekyll").touch()
        _git(pages, "add", "--all")
        if _git(pages, "status", "--porcelain"):
            _git(pages, *AUTHOR, "commit", "--quiet", "--message", f"docs: {version}")
            _git(pages, "push", "--quiet", "origin", f"HEAD:{BRANCH}")


def _begin(pages: Path, remote: str) -> None:
    """Check the branch out as it is there, or begin it."""
    _git(pages, "init", "--quiet", f"--initial-branch={BRANCH}")
    _git(pages, "remote", "add", "origin", remote)
    if _git(pages, "ls-remote", "origin", f"refs/heads/{BRANCH}"):
        _git(pages, "fetch", "--quiet", "--depth=1", "origin", BRANCH)
        _git(pages, "reset", "--quiet", "--hard", "FETCH_HEAD")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    env = os.environ | _access()
    done = subprocess.run(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout.strip()


def _access() -> dict[str, str]:
    """Return the variables that give git the token, so that no command line and no file has it."""
    if not (token := os.environ.get("GITHUB_TOKEN")):
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }


def main() -> None:
    """Publish what `make docs` built."""
    build = run_path(str(HERE / "build.py"))
    publish(build["SITE"], build["wanted"](), _git(HERE, "remote", "get-url", "origin"))


if __name__ == "__main__":
    main()
