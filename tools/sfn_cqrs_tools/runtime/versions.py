"""The published versions of functions behind an alias: code, layers and environment, frozen.

A deploy publishes one where SAM's hash changes: with what the template says, or with what the
function or one of its layers contains, but not with the value behind a `!Ref`. So a function behind
an alias can be behind: it then runs in processes of its own, from copies of what was published.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import runpy
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from os.path import normpath
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime import translation
from sfn_cqrs_tools.runtime.handlers import Call, Failure
from sfn_cqrs_tools.runtime.nesting import Part, parts
from sfn_cqrs_tools.runtime.processes import Processes
from sfn_cqrs_tools.runtime.revisions import Stamp
from sfn_cqrs_tools.runtime.template import Function, Template
from sfn_local.lint.template_file import TemplateError

logger = logging.getLogger(__name__)

LATEST: Final = "$LATEST"
_CONTENT: Final = re.compile(r"content-of-(\w+)")
_DIGEST_OF_DEPLOYMENT: Final = "deployment.py"
"""What a layer has whose build adds a digest of what is deployed with it."""
_LENGTH: Final = 24
_ENDPOINT: Final = "endpoint://fabric"
"""Stands in the file for the fabric's endpoint, whose port is another the next time."""


@dataclass(frozen=True)
class Version:
    """What was published of a function: SAM's hash, and the digests of its code and layers."""

    number: int
    hash: str
    code: str
    layers: tuple[str, ...]
    environment: Mapping[str, str]

    def is_as(self, other: Version) -> bool:
        """Return whether both run the same."""
        return replace(self, number=0, hash="") == replace(other, number=0, hash="")


class Versions:
    """What stands behind the aliases of a template's functions, kept in a folder."""

    def __init__(
        self,
        template: Template,
        folder: Path,
        options: str,
        environment: Callable[[Function], Mapping[str, str]],
        around: Callable[[], Mapping[str, str]],
        endpoint: str = "",
    ) -> None:
        """Take what is deployed: `options` are those of the deploy.

        `environment` tells a function's variables, some of which have the fabric's `endpoint`;
        `around` what its processes have beside these.
        """
        self._template = template
        self._folder = folder
        self._contents = _Contents(template, options)
        self._environment = environment
        self._around = around
        self._endpoint = endpoint
        self._file = folder / "versions.json"
        self._published = dict(self._read())
        self._latest: dict[str, Version] = {}
        self._frozen: dict[tuple[str, int], Processes] = {}
        self._lock = threading.Lock()

    def deploy(self) -> None:
        """Publish a version of each function whose hash has changed since the last deploy."""
        with self._lock:
            self._contents.look()
            for name, text in self._texts.items():
                function = self._template.functions[name]
                latest = self._made(function, text)
                published = self._published.get(name)
                if published is None or published.hash != latest.hash:
                    number = 1 if published is None else published.number + 1
                    self._published[name] = replace(latest, number=number)
                    self._copy(function, latest)
                elif not published.is_as(latest):
                    logger.warning("%s: the alias keeps version %d", name, published.number)
                self._latest[name] = latest
            self._write()

    def call(self, call: Call) -> bytes | Failure | None:
        """Call what stands behind a function's alias; None if that is the latest."""
        with self._lock:
            latest = self._latest.get(call.function.logical_id)
            published = self._published.get(call.function.logical_id)
            if latest is None or published is None or published.is_as(latest):
                return None
            own = replace(call.function, folder=self._folder / published.code)
            key = call.function.logical_id, published.number
            if key not in self._frozen:
                self._frozen[key] = self._processes(own, published)
            processes = self._frozen[key]
        return processes.call(replace(call, function=own))

    def described(self, function: Function, qualifier: str) -> dict[str, Any]:
        """Describe the latest code of a function or what is behind its alias, as Lambda does."""
        latest = self._latest.get(function.logical_id)
        if latest is None:
            return {"Version": LATEST, "Environment": {"Variables": self._environment(function)}}
        version = self._published[function.logical_id] if qualifier else latest
        return {
            "Version": str(version.number) if qualifier else LATEST,
            "CodeSha256": version.code,
            "Environment": {"Variables": dict(version.environment)},
            "Layers": [
                {"Arn": f"{function.arn.rpartition(':')[0]}:{one}"} for one in version.layers
            ],
        }

    def stop(self, call: Call) -> None:
        """End a call whose time is up, if it runs here."""
        for processes in list(self._frozen.values()):
            processes.stop(call)

    def close(self) -> None:
        """End all processes."""
        for processes in list(self._frozen.values()):
            processes.close()

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The texts of SAM's hashes, by the functions' names in the whole template."""
        found: dict[str, str] = {}
        for part in parts(self._template.document, self._template.root):
            values = dict(_values(self._template, part))
            texts = translation.version_texts(part.document, self._template.root, values)
            found |= {part.names[name]: _renamed(text, part) for name, text in texts.items()}
        return {name: text for name, text in found.items() if name in self._template.functions}

    def _made(self, function: Function, text: str) -> Version:
        filled = _CONTENT.sub(lambda found: self._contents.uploaded(found[1]), text)
        return Version(
            0,
            hashlib.sha256(filled.encode()).hexdigest()[:_LENGTH],
            self._contents.of(function.folder),
            tuple(map(self._contents.of, self._template.layers)),
            dict(self._environment(function)),
        )

    def _processes(self, own: Function, version: Version) -> Processes:
        sources = [self._folder / one for one in version.layers]
        not_there = dict.fromkeys(self._template.environment)
        number = {"AWS_LAMBDA_FUNCTION_VERSION": str(version.number)}
        return Processes(
            [own], sources, None, {**not_there, **version.environment, **self._around(), **number}
        )

    def _copy(self, function: Function, version: Version) -> None:
        folders = (function.folder, *self._template.layers)
        for folder, digest in zip(folders, (version.code, *version.layers), strict=True):
            target = self._folder / digest
            if not target.exists():
                draft = target.with_suffix(".new")
                shutil.rmtree(draft, ignore_errors=True)
                shutil.copytree(folder, draft, ignore=shutil.ignore_patterns("__pycache__"))
                draft.rename(target)

    def _read(self) -> Iterator[tuple[str, Version]]:
        """Read what the stack before has published, and remove the copies that nothing needs."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        found: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            text = self._file.read_text(encoding="utf-8")
            found = json.loads(text.replace(_ENDPOINT, self._endpoint))
        for name, one in found.items():
            yield name, Version(**{**one, "layers": tuple(one["layers"])})
        used = {one for each in found.values() for one in (each["code"], *each["layers"])}
        for copy in self._folder.iterdir():
            if copy.is_dir() and copy.name not in used:
                shutil.rmtree(copy, ignore_errors=True)

    def _write(self) -> None:
        text = json.dumps({name: asdict(one) for name, one in self._published.items()})
        draft = self._file.with_suffix(".new")
        draft.touch(0o600)
        draft.write_text(text.replace(self._endpoint or _ENDPOINT, _ENDPOINT), encoding="utf-8")
        draft.replace(self._file)


class _Contents:
    """The digests of what functions and layers contain; files are read when they have changed."""

    def __init__(self, template: Template, options: str) -> None:
        self._options = options
        self._folders = dict(_places(template))
        self._files: dict[str, tuple[Stamp, bytes]] = {}
        self._known: dict[Path, str] = {}

    def look(self) -> None:
        """Look at the files again."""
        self._known = {}

    def of(self, folder: Path) -> str:
        """Return the digest of all files of a folder."""
        if folder not in self._known:
            digest = hashlib.sha256()
            for path in sorted(_files(folder)):
                digest.update(path.removeprefix(str(folder)).encode() + self._file(path))
            self._known[folder] = digest.hexdigest()[:_LENGTH]
        return self._known[folder]

    def uploaded(self, name: str) -> str:
        """Return what names the file that a deploy would upload for a function or a layer."""
        folder = self._folders[name]
        told = folder / _DIGEST_OF_DEPLOYMENT
        more = runpy.run_path(str(told))["digest"](folder, self._options) if told.is_file() else ""
        return f"{self.of(folder)}{more}"

    def _file(self, path: str) -> bytes:
        status = os.stat(path)  # noqa: PTH116 - Path takes twice as long
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        if path not in self._files or self._files[path][0] != stamp:
            self._files[path] = stamp, hashlib.sha256(Path(path).read_bytes()).digest()
        return self._files[path][1]


def _files(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one != "__pycache__"]
        yield from (f"{place}{os.sep}{one}" for one in files)


def _places(template: Template) -> Iterator[tuple[str, Path]]:
    """Yield the folders of functions and layers, as the templates name them."""
    for part in parts(template.document, template.root):
        for name, one in part.document["Resources"].items():
            properties = one.get("Properties", {})
            place = properties.get("ContentUri") or properties.get("CodeUri")
            if isinstance(place, str):
                yield part.names[name], Path(normpath(part.folder / place))


def _renamed(text: str, part: Part) -> str:
    return _CONTENT.sub(lambda found: f"content-of-{part.names[found[1]]}", text)


def _values(template: Template, part: Part) -> Iterator[tuple[str, Any]]:
    """Yield what the parameters of a part are on this machine, if that is known before a deploy."""
    for name, value in (part.given or template.parameters).items():
        with suppress(TemplateError):
            yield name, template.resolve(value)
