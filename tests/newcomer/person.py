"""A person who types the lines that pages and helps show, in a clone, where a stack is."""

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from time import monotonic, sleep

from tests.newcomer.page import commands, is_shown
from tests.support.code_blocks import ROOT, calls_of, plain, reason, typed
from tests.support.places import EXAMPLE
from tests.support.project import SCAFFOLDED, copy_project

ID = re.compile(r"\b([a-z])-[0-9A-HJKMNP-TV-Z]{26}\b")
ERASURE = re.compile(r"(?<![-\w])()[a-z2-7]{26}(?![-\w])")
PATIENCE_SECONDS = 60
FAILS = {  # what these lines show has failed in part, or has ended; their exit codes
    "import dry-run airports.csv": 2,
    "import start airports.csv": 2,
    "import retry": 2,
    "import status": 2,
    "--mock ApproveTimesOut": 1,
    "import cancel": 1,
    '"to": "nowhere"': 2,
    "task retry": 2,
    '"card": "declined"': 2,
}
SEEN = (  # what a reader of the README has typed before
    'publish ORDER o-1 --name First --attributes {"customer":"ada","total":12.5} --wait',
    'publish STOCK BOOK --name Book --attributes {"available":5} --wait',
)


class Clones:
    """Clones with the files that the pages speak of; a block gets one as it was made."""

    def __init__(self, make):
        self._make = make
        self._clone = None
        self._as_made = {}

    def unchanged(self):
        """Return the last one, or one that is new if somebody has changed that."""
        if self._clone is None or self._times() != self._as_made:
            self._clone = self._make()
            self._as_made = self._times()
        return self._clone

    def _times(self):
        return {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns  # noqa: PTH116, PTH118 - fast
            for folder, _, names in os.walk(self._clone)
            for name in names
        }


def made_clone(folder):
    """Return a copy of the project in a folder, with the files that pages and helps speak of."""
    clone = copy_project(folder / "project", only=(*SCAFFOLDED, "samconfig.toml"))
    _runs_the_example(clone)
    rows = (ROOT / "examples/airports.csv").read_text(encoding="utf-8")
    (clone / "airports.csv").write_text(f"{rows}XXXX,,,,,\n")
    (clone / "customers.csv").write_text("id,name,email\nc1,Ada,ada@example.com\n")
    with zipfile.ZipFile(clone / "exports.zip", "w") as archive:
        archive.writestr("20261127093000-airports.csv", rows)
    return clone


def _runs_the_example(clone):
    """Give the clone the package that the stack runs, in place of the starter."""
    shutil.rmtree(clone / "app/starter")
    shutil.copytree(EXAMPLE / "app/shop", clone / "app/shop")
    stages = clone / "samconfig.toml"
    text = stages.read_text(encoding="utf-8")
    stages.write_text(re.sub('"Stage=', '"AppPackage=shop", "Stage=', text))


class Person:
    """Types lines in a clone; knows the last id of each kind that was shown."""

    def __init__(self, types, folder, stack):
        self._types = types
        self._address = stack.http.removeprefix("http://")
        self._folder = folder
        self._ids = {}
        self._seen = ("",)

    def works_through(self, block):
        clone = self._folder()
        shown = {plain(line): (code, text) for line, code, text in commands(block.text) if text}
        for line in typed(block):
            if reason(line) is not None:
                continue
            place = f"{block.place}: {line}"
            code, text = shown.get(line, (None, ""))
            yield from self.types(clone, line, code, place)
            if text and not any(is_shown(text, seen) for seen in self._seen):
                yield f"{place} prints\n{self._seen[0]}"

    def types(self, clone, line, code=None, place=""):
        """Type a line; yield what went wrong, if it ends in another way than it should.

        Without a code, those of `FAILS` may come, or else 0 must.
        """
        if line.startswith("curl "):
            self._seen = (self._asks(line),)
        for call in calls_of(line):
            fails = {code for begin, code in FAILS.items() if begin in line}
            codes = {code} if code is not None else fails or {0}
            until = monotonic() + PATIENCE_SECONDS
            while (result := self._types(*self._known(call))).code not in codes:
                if "version_conflict" in result.error:
                    call += ["--version", "-1"]  # another page has published it
                elif "not_found" not in result.error or monotonic() > until:
                    yield f"{place or line}: {result}"
                    break
                sleep(0.05)
            self._seen = result.output + result.error, result.error + result.output
            for found in (*ID.finditer(result.output), *ERASURE.finditer(result.output)):
                self._ids[found[1]] = found[0]
            if target := re.search(r" > (\w\S+)$", line):
                (clone / target[1].rpartition("/")[2]).write_text(result.output)

    def _asks(self, line):
        asked = line.replace("localhost:8787", self._address)
        return subprocess.run(
            ["bash", "-c", asked], capture_output=True, text=True, check=True
        ).stdout

    def _known(self, words):
        for word in words:
            if "*" in word and " " not in word:
                yield from sorted(str(path) for path in Path().glob(word))
            elif word.endswith("-…"):
                yield self._ids.get(word[0], word)
            else:
                is_id = ID.fullmatch(word) or ERASURE.fullmatch(word)
                yield self._ids.get(is_id[1], word) if is_id else word
