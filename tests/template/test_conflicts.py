"""No file is committed as a merge left it."""

import re
import subprocess

from tests.template.stack import ROOT

MARKERS = re.compile(rb"^(<{7} .+|>{7} .+|={7})$", re.MULTILINE)


def unmerged(text: bytes) -> bool:
    """Whether a text has all three lines that a merge leaves."""
    return {line[:1] for line in MARKERS.findall(text)} == {b"<", b">", b"="}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return listed.stdout.decode().split("\0")[:-1]


def test_no_file_is_half_merged() -> None:
    found = [ROOT / name for name in tracked()]

    assert len(found) > 1000
    assert [path for path in found if path.is_file() and unmerged(path.read_bytes())] == []


def test_one_that_is_would_be_found() -> None:
    sides = b"a\n" + b"<" * 7 + b" HEAD\nb\n" + b"=" * 7 + b"\nc\n" + b">" * 7 + b" 1234567\n"

    assert unmerged(sides)
    assert not unmerged(b"a heading\n" + b"=" * 7 + b"\n")
