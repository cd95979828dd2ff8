"""Build the docs as a site in .build/site/VERSION: collect the pages, then run Zensical on them.

The pages stay where a reader of the repository looks for them. This script copies them into one
folder, points their links at each other, and shows each file of code that a page links as a page.
Zensical fails on a link or an anchor that leads nowhere. The site asks no other host for anything.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from runpy import run_path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
STAGE = ROOT / ".build/docs"
SITE = ROOT / ".build/site"
OPENAPI = ROOT / ".build/openapi.json"
PLACES = {"README.md": "index.md"}
"""Pages that have another name on the site."""
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:)([^)#\s]*)((?:#[^)\s]*)?)(?=\))")
PICTURE = re.compile(r'(?<=(?:src|set)=")(?!https?:)([^"]+)()(?=")')
PICTURES = (".png", ".svg", ".webp")
GLOSSARY = Path("docs/glossary.md")
UNEXPLAINED = ("decisions/", "CHANGELOG.md", "reference/", "glossary.md", "engine/", "source/")
"""Pages, and beginnings of pages, in which no word leads to the glossary."""
UNSEARCHED = ("CHANGELOG.md", "decisions", "source")
"""Pages that have every word, so that a search for any would find them first."""
EVERYDAY = {
    *[
        "own",
        "place",
        "type",
        "parts",
        "claim",
        "room",
        "door",
        "story",
        "environment",
        "arm",
        "depth",
        "pause",
        "state",
    ]
}
"""Words that pages also use as everybody does."""
TERM = re.compile(r"^\| ([^|`]+?) \| (.+) \|$", re.MULTILINE)
FIXED = re.compile(
    r"^```.*?^```$|^#.*?$|^\|.*?$|<!--.*?-->|<[^>]+>|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)|\*\*.+?\*\*",
    re.MULTILINE | re.DOTALL,
)
"""What keeps its text: blocks, headings, tables, code, links, and what is bold."""
NEXT_VERSION = "dev"
VERSION = re.compile(rf"{NEXT_VERSION}|\d+\.\d+\.\d+")


def pages() -> Iterator[Path]:
    """Yield every page, from the repository's root."""
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tools/CHANGELOG.md"):
        yield Path(name)
    yield from (Path("engine") / name for name in ("README.md", "CHANGELOG.md", "CONFORMANCE.md"))
    yield Path("engine/conformance/README.md")
    yield Path("examples/shop/README.md")
    yield from (Path(".github") / name for name in ("SECURITY.md", "CODE_OF_CONDUCT.md"))
    for folder in ("docs", "engine/docs"):
        yield from sorted(path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.md"))


def place(page: Path) -> Path:
    """Return where a page is on the site: `docs/` is its root, and no folder is hidden."""
    name = page.as_posix().lstrip(".")
    return Path(PLACES.get(name, name.removeprefix("docs/")))


def source(path: Path) -> Path:
    """Return where the page of a file of code is on the site."""
    return Path("source") / place(Path(f"{path}.md"))


def linked(page: Path, text: str, known: set[Path]) -> tuple[str, set[Path]]:
    """Return the text with its links as they are on the site, and the files of code in them."""
    code: set[Path] = set()

    def moved(found: re.Match[str]) -> str:
        target, anchor = found.groups()
        if not target:
            return found[0]
        path = Path(os.path.relpath((ROOT / page.parent / target).resolve(), ROOT))
        if (ROOT / path / "README.md").exists():
            path /= "README.md"
        if path in known or path.suffix in PICTURES:
            goal = place(path)
        else:
            code.add(path)
            goal, anchor = source(path), ""
        return os.path.relpath(goal, place(page).parent) + anchor

    outside = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    outside[::2] = [PICTURE.sub(moved, LINK.sub(moved, part)) for part in outside[::2]]
    return "".join(outside), code


def terms(glossary: str) -> dict[str, tuple[str, str]]:
    """Return each word of the glossary, its anchor and what it means."""
    used = glossary.partition("\n## Words that we do not use")[0]
    rows = [row for row in TERM.findall(used) if row[0] not in ("word", "---")]
    return {
        word: (f"t-{names.split(', ')[0].replace(' ', '-')}", meaning)
        for names, meaning in rows
        for word in names.split(", ")
    }


def anchored(glossary: str) -> str:
    """Return the glossary with an anchor at each word."""
    known = terms(glossary)

    def named(row: re.Match[str]) -> str:
        first = row[1].split(", ")[0]
        if first not in known:
            return row[0]
        return f"| *{row[1]}*{{ #{known[first][0]} .word }} | {row[2]} |"

    return TERM.sub(named, glossary)


def explained(page: Path, text: str, known: dict[str, tuple[str, str]]) -> str:
    """Return a page in which the first use of each word of the glossary leads there."""
    if place(page).as_posix().startswith(UNEXPLAINED):
        return text
    glossary = os.path.relpath(place(GLOSSARY), place(page).parent)
    left = {word: it for word, it in known.items() if word not in EVERYDAY}
    words = re.compile(rf"\b({'|'.join(map(re.escape, sorted(left, key=len, reverse=True)))})\b")

    def led(found: re.Match[str]) -> str:
        if found[1] not in left:
            return found[0]
        anchor, meaning = left.pop(found[1])
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*\"]", r"\1", meaning)
        return f'[{found[1]}]({glossary}#{anchor} "{plain}"){{ .term }}'

    parts, end = [], 0
    for fixed in FIXED.finditer(text):
        parts += [words.sub(led, text[end : fixed.start()]), fixed[0]]
        end = fixed.end()
    return "".join([*parts, words.sub(led, text[end:])])


def collect() -> None:
    """Copy every page, picture and linked file of code into one folder."""
    shutil.rmtree(STAGE, ignore_errors=True)
    known = set(pages())
    code: set[Path] = set()
    glossary = (ROOT / GLOSSARY).read_text(encoding="utf-8")
    for page in sorted(known):
        text, found = linked(page, (ROOT / page).read_text(encoding="utf-8"), known)
        code |= found
        text = anchored(text) if page == GLOSSARY else explained(page, text, terms(glossary))
        _write(place(page), text)
    for path in sorted(code):
        _write(source(path), _shown(path))
    pictures = (path for path in (ROOT / "docs").rglob("*") if path.suffix in PICTURES)
    for picture in sorted(pictures):
        goal = STAGE / "pages" / place(picture.relative_to(ROOT))
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, goal)
    _write(Path("reference/python.md"), python_page())
    page = Path("reference/http.md")
    said = "[openapi.json](openapi.json) is the whole description, for programs."
    text = (STAGE / "pages" / page).read_text(encoding="utf-8")
    _write(page, text.replace("\n\n", f"\n\n{said}\n\n", 1))
    shutil.copy(OPENAPI, STAGE / "pages/reference")
    assets = STAGE / "pages/assets"
    assets.mkdir(parents=True)
    shutil.copy(HERE / "site.css", assets)
    shutil.copy(_mermaid(), assets / "mermaid.js")


def _write(goal: Path, text: str) -> None:
    if goal.name in UNSEARCHED or goal.parts[0] in UNSEARCHED:
        text = f"---\nsearch:\n  exclude: true\n---\n\n{text}"
    path = STAGE / "pages" / goal
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _shown(path: Path) -> str:
    if (ROOT / path).is_dir():
        names = "".join(f"- {one.name}\n" for one in sorted((ROOT / path).iterdir()))
        return f"# {path.as_posix()}\n\n{names}"
    language = {".py": "python", ".md": "markdown"}.get(path.suffix, "text")
    text = (ROOT / path).read_text(encoding="utf-8")
    return f"# {path.as_posix()}\n\n````{language}\n{text}````\n"


def python_page() -> str:
    """Return the page of the Python API, which mkdocstrings fills."""
    lines = ["# Python API", "", "What your package imports, with signatures and docstrings."]
    reference = run_path(str(ROOT / "tools/sfn_cqrs_tools/cli/reference/python.py"))
    for module, names in reference["public_names"](ROOT).items():
        lines += ["", f"## {module}"]
        lines += [f"\n::: {home}.{name}" for name, home in names.items()]
    return "\n".join(lines) + "\n"


def _mermaid() -> Path:
    """Return mermaid itself, which the package mermaidx carries as npm has it."""
    (path,) = (path for path in files("mermaidx") or () if path.name == "mermaid.js")
    return Path(str(path.locate()))


def build(version: str, *, serve: bool) -> None:
    """Run Zensical, then list the versions that are built."""
    config = (HERE / "mkdocs.yml").read_text(encoding="utf-8").replace("SOURCE", str(ROOT))
    (STAGE / "mkdocs.yml").write_text(f"{config}site_dir: built\n", encoding="utf-8")
    zensical = [str(Path(sys.executable).with_name("zensical"))]
    if serve:
        os.execv(zensical[0], [*zensical, "serve", "-f", str(STAGE / "mkdocs.yml")])
    done = subprocess.run(
        [*zensical, "build", "--clean", "--strict", "-f", str(STAGE / "mkdocs.yml")], check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    SITE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(SITE / version, ignore_errors=True)
    shutil.move(STAGE / "built", SITE / version)
    listed(SITE, version)


def wanted() -> str:
    """Return the version that DOCS_VERSION names, such as 1.2.0 or the tag v1.2.0.

    Raises:
        SystemExit: it is no version: the name becomes a folder, and anyone who may push can tag.
    """
    name = os.environ.get("DOCS_VERSION") or NEXT_VERSION
    if not VERSION.fullmatch(name.removeprefix("v")):
        sys.exit(f"DOCS_VERSION={name!r} is neither {NEXT_VERSION} nor a version such as 1.2.0")
    return name.removeprefix("v")


def listed(site: Path, version: str) -> None:
    """Add the version to versions.json, newest first, and lead the root to the newest release."""
    path = site / "versions.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    names = {version, *(one["version"] for one in old)}
    order = sorted(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)], reverse=True)
    path.write_text(json.dumps([{"version": n, "title": n, "aliases": []} for n in order]) + "\n")
    newest = order[0]
    (site / "index.html").write_text(
        f'<!doctype html><meta charset="utf-8"><title>sfn-cqrs</title>'
        f'<meta http-equiv="refresh" content="0; url={newest}/index.html">'
        f'<a href="{newest}/index.html">sfn-cqrs {newest}</a>\n',
        encoding="utf-8",
    )


def main() -> None:
    """Build, or serve while the pages are written."""
    parser = argparse.ArgumentParser(description="build the docs as a site in .build/site")
    parser.add_argument("--serve", action="store_true", help="serve at http://localhost:8000")
    options = parser.parse_args()
    version = wanted()
    collect()
    build(version, serve=options.serve)


if __name__ == "__main__":
    main()
