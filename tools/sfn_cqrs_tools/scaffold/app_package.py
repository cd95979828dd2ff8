"""The user's package: where a new module goes, and which types are registered."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.names import check_name

LONGEST = 32  # lines that name a type and its module have at most 100 characters
LINE = 100
_PACKAGE = re.compile(r"[a-z][a-z0-9_]*")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True)
class Fields:
    """The class of a type's attributes: its module, and its fields, needed or not."""

    module: str
    name: str
    needed: Mapping[str, bool]
    keeps_unknown: bool


@dataclass(frozen=True)
class AppPackage:
    """A package below app/ of a project, which nests the framework or is a copy of it."""

    root: Path
    name: str
    is_nested: bool = False

    @property
    def exists(self) -> bool:
        """Return whether it is there."""
        return (self.root / "app" / self.name / "__init__.py").is_file()

    def create(self, changes: Changes) -> None:
        """Make it, without a module.

        Raises:
            ScaffoldError: its name is invalid, or another package's.
        """
        if not _PACKAGE.fullmatch(self.name) or len(self.name) > LONGEST:
            raise ScaffoldError(
                f"{self.name!r} is not a name for a package: small letters, digits and '_', a"
                f" letter first, at most {LONGEST} characters, such as library"
            )
        if keyword.iskeyword(self.name):
            raise ScaffoldError(f"{self.name!r} is a word of Python; choose another name")
        if (self.root / self.name).exists() or find_spec(self.name) is not None:
            raise ScaffoldError(
                f"another package is called {self.name!r} already; choose another name"
            )
        title = self.name.replace("_", " ").capitalize()
        text = f'"""{title}: its handlers, each a module."""\n'
        changes.create(f"app/{self.name}/__init__.py", text)

    def module(self, name: str) -> str:
        """Return the path of a module of the package."""
        return f"app/{self.name}/{name}.py"

    def test(self, name: str) -> str:
        """Return the path of a module's test."""
        if self.is_nested:
            return f"tests/test_{name}.py"
        return f"tests/unit/{self.name}/test_{name}.py"

    def registered(self, decorator: str) -> dict[str, str]:
        """Return the registrations of a decorator in the package, with their modules."""
        return {name: path.name for name, path, _ in self._calls(decorator)}

    def modules_without(self, bulk: str, type_: str) -> list[str]:
        """Return the modules that handle a type and do not use the decorator of bulk versions."""
        paths = {path for name, path, _ in self._calls("sync_handler") if name == type_}
        return sorted(path.name for path in paths if f"{bulk}(" not in path.read_text("utf-8"))

    def model_of(self, type_: str) -> Fields | None:
        """Return the dataclass that a module declares as a type's model, if it is written there."""
        for name, path, call in self._calls("command_type"):
            given = {one.arg: one.value for one in call.keywords}
            model, unknown = given.get("model"), given.get("unknown")
            if name == type_ and isinstance(model, ast.Name):
                keeps = isinstance(unknown, ast.Constant) and unknown.value == "keep"
                return _fields(_parsed(path), f"{self.name}.{path.stem}", model.id, keeps=keeps)
        return None

    def _calls(self, function: str) -> Iterator[tuple[str, Path, ast.Call]]:
        """Yield the calls of a function in the package that begin with a name."""
        for path in sorted((self.root / "app" / self.name).glob("*.py")):
            for call in ast.walk(_parsed(path)):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Name)
                    and call.func.id == function
                    and call.args
                    and isinstance(call.args[0], ast.Constant)
                    and isinstance(call.args[0].value, str)
                ):
                    yield call.args[0].value, path, call


def call(name: str, *arguments: str) -> str:
    """Return a call as a formatter leaves it: on one line, or one argument a line."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= LINE:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in arguments) + ")"


def check_type(type_: str) -> None:
    """Refuse an invalid type of commands or tasks.

    Raises:
        ScaffoldError: the message says what a type looks like.
    """
    check_name(type_, _TYPE, LONGEST, "not a type: capital letters, digits and '_'", "INVOICE")
    if keyword.iskeyword(type_.lower()):
        raise ScaffoldError(f"{type_.lower()!r} is a word of Python, and would be the module")


def _fields(module: ast.Module, name: str, cls: str, *, keeps: bool) -> Fields | None:
    """Return a dataclass's own fields; None for another class, or one with a base class."""
    found = [one for one in module.body if isinstance(one, ast.ClassDef) and one.name == cls]
    if not found or found[0].bases or "dataclass" not in map(_called, found[0].decorator_list):
        return None
    needed = {
        one.target.id: one.value is None
        for one in found[0].body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    return Fields(name, cls, needed, keeps)


def _called(decorator: ast.expr) -> str:
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ScaffoldError(f"{path} cannot be read: {error}") from error
