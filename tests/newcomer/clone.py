"""One of everything new in an empty clone, then the clone's own `make check` and `make test`.

Takes as long as both of them, with their set-up: `make clone-test`. `make test` and `make proof`
run the same tools, and those suites that look at what is new: tests of the tools' `new workflow`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.project import copy_project, run_in

SAMPLE = "id,name,price,since\n1,first,9.50,2026-01-31\n2,second,3,2026-02-28\n"
NEW = (
    ("workflow", "order-refund", "--states", "check,approve,refund", "--callback", "approve"),
    ("handler", "INVOICE"),
    ("task", "RESIZE_IMAGE"),
    ("import", "products", "--from", "../products.csv"),
)


def main() -> int:
    """Answer the exit code of the first command that fails, or 0."""
    with tempfile.TemporaryDirectory(prefix="sfn-cqrs-clone-") as folder:
        clone = copy_project(Path(folder) / "clone")
        (Path(folder) / "products.csv").write_text(SAMPLE, encoding="utf-8")
        for arguments in (("init", "starter"), *(("new", *one) for one in NEW)):
            made = run_in(clone, "sfn-cqrs", *arguments)
            print(made.stdout, made.stderr, flush=True)
            if made.returncode:
                return made.returncode
        subprocess.run(["git", "init", "--quiet"], cwd=clone, check=True)
        return next(filter(None, (_make(clone, target) for target in ("check", "test"))), 0)


def _make(clone: Path, target: str) -> int:
    print(f"make {target}", flush=True)
    return subprocess.run(["make", target], cwd=clone, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
