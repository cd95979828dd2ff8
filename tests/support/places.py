"""Where the example and the layer's modules are: a room a machine, a kind by a file's name.

Tests name its folders here alone, and its modules in import statements: if modules move, this file
changes and the tests do not.
"""

import ast
import importlib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/shop"
LAYER = "layer/sfn_cqrs"
RULES, TABLES, SERVICE, ROUTES = "rules", "tables", "service", "routes"
PARTS, BOOTSTRAP, DOOR = "parts", "bootstrap", "door"
FOLDERS = {
    "kernel": RULES,
    "kernel/models": RULES,
    "kernel/tables": TABLES,
    "kernel/aws": TABLES,
    "kernel/functions": SERVICE,
    "kernel/http": ROUTES,
    "machines/import_csv/csv": RULES,
}
"""Folders whose files are all of one kind."""
NAMES = {
    TABLES: (
        "bucket connections data_api driver events failure_metrics generation_rows"
        " items link_secret read_model sql sums table tables write_budget"
    ),
    SERVICE: (
        "backlog batch both_kinds change child children data deadlines deciding declared"
        " declared_jobs declared_state declaring direct effects end eraser executions export"
        " failures files found giving_up grants handlers hooks imports job_service lines"
        " load migrations objects operations outcomes parent planning preview problems"
        " progress projection publishing queueing read_models replay reserving restore rows"
        " runner sending service signatures state strategies summary sweep types undo unique_values"
        " versions waiting waits work"
    ),
    ROUTES: "api app_routes document openapi page resources routes schemas typed",
}
"""The names of all other files, by kind; a file with none of these names has rules."""
ENDINGS = {"table": TABLES, "rows": TABLES, "routes": ROUTES, "schemas": ROUTES}
"""Last words of such names."""
KIND_OF_NAME = {name: kind for kind, names in NAMES.items() for name in names.split()}


def dotted(path: Path, root: Path = ROOT) -> str:
    """Return the name of the layer's module in a file; empty for any other file."""
    if not path.is_relative_to(root / LAYER):
        return ""
    parts = path.relative_to((root / LAYER).parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def kind_of(module: str) -> str:
    """Return what a module of the layer is, which says what it may import; empty for others."""
    package, *rooms = module.split(".")
    if package != Path(LAYER).name or not rooms:
        return ""
    name = rooms.pop()
    if not rooms:
        return BOOTSTRAP if name == BOOTSTRAP else DOOR
    if name == PARTS:
        return PARTS
    return FOLDERS.get("/".join(rooms)) or _kind_of_name(name)


def _kind_of_name(name: str) -> str:
    words = name.rpartition("_")
    return KIND_OF_NAME.get(name) or (ENDINGS.get(words[2], RULES) if words[0] else RULES)


def room_of(module: str) -> str:
    """Return the room of a module of the layer; empty for what is in none."""
    _, *rooms = module.split(".")
    depth = 2 if rooms[0] in {"care", "machines"} and len(rooms) > 2 else 1
    return "/".join(rooms[: min(depth, len(rooms) - 1)])


def name_of(module: str) -> str:
    """Return a module's name among those of its kind: the folder and the file."""
    return ".".join(module.split(".")[-2:])


def of_kind(kind: str, root: Path = ROOT) -> list[Path]:
    """Return the files of a kind."""
    files = sorted((root / LAYER).rglob("*.py"))
    return [path for path in files if kind_of(dotted(path, root)) == kind]


def module(kind: str, name: str) -> ModuleType:
    """Import a module by its kind and its name."""
    [path] = [path for path in of_kind(kind) if name_of(dotted(path)) == name]
    return importlib.import_module(dotted(path))


def is_module(name: str) -> bool:
    """Whether the layer has a module of this name, and not a package."""
    return (ROOT / LAYER).parent.joinpath(*name.split(".")).with_suffix(".py").is_file()


def is_package(name: str) -> bool:
    """Whether the layer has a package of this name."""
    return (ROOT / LAYER).parent.joinpath(*name.split("."), "__init__.py").is_file()


def parts_of_rooms() -> dict[str, list[str]]:
    """Return the parts that each module of parts makes, by the module."""
    trees = {dotted(path): ast.parse(path.read_text(encoding="utf-8")) for path in of_kind(PARTS)}
    return {
        name: [
            node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _is_part(node)
        ]
        for name, tree in trees.items()
    }


def _is_part(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(each) == "part" for each in node.decorator_list)
