"""Is a lock made from the requirements as they are now?

`locked.py LOCK` says so, and `locked.py LOCK REQUIREMENTS…` writes what they are into the lock.
Set-up and `sam build` install from locks alone: without this, a requirement that was added and
not locked would be missing at run time and nowhere else. Needs nothing but Python.
"""

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEAL = "# made from "


def seal(lock: Path, sources: list[str]) -> None:
    """Note in the lock, once, what it was made from."""
    pins = [line for line in _lines(lock) if not line.startswith(SEAL)]
    made_from = [f"{SEAL}{source} sha256:{_digest(source)}" for source in sources]
    lock.write_text("\n".join([*pins, *made_from, ""]), encoding="utf-8")


def changed(lock: Path) -> list[str]:
    """Answer which requirements are others than those that the lock was made from."""
    sealed = re.findall(rf"^{SEAL}(\S+) sha256:(\w+)$", "\n".join(_lines(lock)), re.MULTILINE)
    return [source for source, digest in sealed if digest != _digest(source)]


def _lines(lock: Path) -> list[str]:
    return lock.read_text(encoding="utf-8").splitlines() if lock.is_file() else []


def _digest(source: str) -> str:
    """Answer a digest of the text, whatever its line ends are in this checkout."""
    path = ROOT / source
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Seal, or answer 1 and say what to do."""
    lock, *sources = sys.argv[1:]
    if sources:
        seal(Path(lock), sources)
        return 0
    stale = changed(Path(lock))
    if stale:
        names = ", ".join(stale)
        print(f"{names} changed after {Path(lock).name} was made: run make lock", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
