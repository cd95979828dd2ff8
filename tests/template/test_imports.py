import ast
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from tests.support.places import (
    BOOTSTRAP,
    DOOR,
    LAYER,
    PARTS,
    ROUTES,
    RULES,
    SERVICE,
    TABLES,
    dotted,
    is_module,
    kind_of,
    of_kind,
    room_of,
)
from tests.template.stack import ROOT, imports_of, modules

from sfn_cqrs import bootstrap
from sfn_cqrs.care import sweep
from sfn_cqrs.kernel.models import fields as model_types
from sfn_cqrs.kernel.models import models, pydantic_models
from sfn_cqrs.machines.command import process
from sfn_cqrs.machines.task import parts

TOOLS = "tools/sfn_cqrs_tools"
CLOCK_CALLS = {"now", "utcnow", "today"}
CLOCKS = {"datetime", "date"}
ROOMS = {
    path.name.removesuffix(".py")
    for path in (ROOT / TOOLS).iterdir()
    if not path.name.startswith("_")
}
FORBIDDEN = {
    RULES: ("boto3", "botocore", "os", "time", "aws_lambda_powertools"),
    TABLES: (),
    PARTS: (),
    SERVICE: (),
    ROUTES: (),
    LAYER: ("functions", "sfn_cqrs_tools", "sfn_local", "shop", "starter"),
    "functions": ("app", "functions", "sfn_cqrs_tools", "sfn_local", "shop", "starter"),
    f"{TOOLS}/runtime": (
        "sfn_cqrs",
        *(f"sfn_cqrs_tools.{room}" for room in ROOMS if room != "runtime"),
    ),
    "app": ("functions", "sfn_cqrs_tools", "sfn_local"),
    "examples/shop/app": ("functions", "sfn_cqrs_tools", "sfn_local"),
}

KINDS = {
    RULES: {TABLES, PARTS, BOOTSTRAP, DOOR, ROUTES, SERVICE},
    TABLES: {PARTS, BOOTSTRAP, DOOR, ROUTES, SERVICE},
    PARTS: {BOOTSTRAP, DOOR, ROUTES, SERVICE},
    SERVICE: {PARTS, DOOR, ROUTES},
    ROUTES: {PARTS, DOOR},
}
"""The kinds of modules of the layer that a module of a kind must not import."""
ROOMS_IN_ORDER = (
    "kernel",
    "machines/command",
    "machines/task",
    "machines/saga",
    "machines/schedule",
    "machines/approval",
    "machines/rebuild",
    "machines/import_csv",
    "machines/zip_orchestrator",
    "machines/workflow",
    "care",
    "care/usage",
    "care/repairs",
    "care/audit",
    "care/erasure",
    "care/tenants",
    "care/live",
    "webhooks",
    "api",
)
"""The rooms of the layer: each may import from those before it."""
LATE = {
    (models.__name__, model_types.__name__),
    (models.__name__, pydantic_models.__name__),
}
"""Late imports of large modules, for which only a type with a model waits."""
OFFERED_BY_THE_ENGINE = {
    "sfn_local",
    "sfn_local.cli.command",
    "sfn_local.cli.definitions",
    "sfn_local.cli.drawing",
    "sfn_local.cli.run",
    "sfn_local.cli.serve",
    "sfn_local.cli.showing",
    "sfn_local.graph",
    "sfn_local.http_server",
    "sfn_local.lint.template_file",
    "sfn_local.lint.validation",
    "sfn_local.request_guard",
    "sfn_local.server",
    "sfn_local.status_events",
    "sfn_local.trace",
    "sfn_local.words",
}


def violations(folder: str, imported: Iterable[str]) -> set[str]:
    """What a module of a folder or kind imports and must not, relative imports included."""
    return {
        module
        for module in imported
        if module.startswith(".")
        or _is_below(module, FORBIDDEN[folder])
        or (is_module(module) and kind_of(module) in KINDS.get(folder, ()))
    }


def _is_below(module: str, packages: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def is_of_the_cli(module: str) -> bool:
    return _is_below(module, ("sfn_cqrs_tools.cli",))


def asks_the_time(tree: ast.Module) -> bool:
    """Whether a module calls `datetime.now()` or one of its kin."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_CALLS
        and ast.unparse(node.func.value).rpartition(".")[2] in CLOCKS
        for node in ast.walk(tree)
    )


def each(folder: str) -> list[tuple[Path, ast.Module]]:
    found = list(modules(folder))
    assert found, f"{folder} holds no module: the rule would hold of nothing"
    return found


@cache
def imports(folder: str) -> dict[Path, set[str]]:
    """What each module of a folder imports."""
    return {path: imports_of(tree) for path, tree in each(folder)}


def imports_below(folder: str) -> dict[Path, set[str]]:
    """What each module of a folder or kind imports; of the large folders each is parsed once."""
    whole = next((one for one in ("layer", TOOLS) if folder.startswith(one)), folder)
    found = {
        path: names
        for path, names in imports("layer" if folder in KINDS else whole).items()
        if kind_of(dotted(path)) == folder or path.is_relative_to(ROOT / folder)
    }
    assert found, f"{folder} holds no module: the rule would hold of nothing"
    return found


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_module_imports_what_its_folder_must_not(folder: str) -> None:
    broken = {
        path.relative_to(ROOT).as_posix(): found
        for path, names in imports_below(folder).items()
        if (found := violations(folder, names))
    }

    assert broken == {}


def test_the_engine_is_used_by_what_it_offers() -> None:
    files = modules(TOOLS, "tests/bench", naming="from sfn_local")
    nodes = [node for _, tree in files for node in ast.walk(tree)]
    used = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}

    assert {name for name in used if _is_below(name, ("sfn_local",))} == OFFERED_BY_THE_ENGINE


def test_nothing_but_the_command_line_imports_it() -> None:
    below = {
        path.relative_to(ROOT).as_posix(): names
        for path, names in imports(TOOLS).items()
        if "cli" not in path.parts
    }

    assert [name for name, found in below.items() if any(map(is_of_the_cli, found))] == []


def test_importing_the_command_line_is_found() -> None:
    assert is_of_the_cli("sfn_cqrs_tools.cli.imports")


def circle_of(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circle, each of which imports the next; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def graph_of(found: Mapping[Path, set[str]], root: Path) -> dict[str, set[str]]:
    """Return what each module imports of the others: late, or for types alone, as well."""
    named = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): names
        for path, names in found.items()
    }
    graph: dict[str, set[str]] = {}
    for name, names in named.items():
        others = names & named.keys() - {name}
        packages = {each.rpartition(".")[0] for each in others}  # one that a module is taken of
        graph[name] = {each for each in others - packages if (name, each) not in LATE}
    return graph


def upwards(found: Mapping[Path, set[str]]) -> set[tuple[str, str]]:
    """The rooms that import from a room behind them, each with that room."""
    pairs = {
        (room_of(dotted(path)), room_of(name))
        for path, names in found.items()
        for name in names
        if is_module(name) and kind_of(name) not in {BOOTSTRAP, DOOR, ""}
    }
    place = ROOMS_IN_ORDER.index
    return {(one, other) for one, other in pairs if one and place(one) < place(other)}


def test_rooms_import_one_way() -> None:
    assert upwards(imports("layer")) == set()


def test_an_import_from_a_room_behind_is_found() -> None:
    audit = ROOT / LAYER / "kernel/keys.py"

    assert upwards({audit: {sweep.__name__}}) == {("kernel", "care")}


@pytest.mark.parametrize(("folder", "path"), [("layer", "layer"), (TOOLS, "tools")])
def test_no_module_imports_one_that_imports_it(folder: str, path: str) -> None:
    assert circle_of(graph_of(imports(folder), ROOT / path)) == []


def test_a_circle_is_found_of_late_imports_and_of_imports_for_types() -> None:
    late = ast.parse("def f():\n    from pack.b import g")
    typed = ast.parse("if TYPE_CHECKING:\n    from pack import a")

    pack = {Path("pack/a.py"): imports_of(late), Path("pack/b.py"): imports_of(typed)}
    found = graph_of(pack, Path())

    assert sorted(set(circle_of(found))) == ["pack.a", "pack.b"]


def test_the_domain_never_asks_the_time() -> None:
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in of_kind(RULES)}

    assert [name for name, tree in trees.items() if asks_the_time(tree)] == []
    assert trees != {}


@pytest.mark.parametrize(
    ("folder", "source", "found"),
    [
        (RULES, "import boto3.dynamodb", {"boto3.dynamodb"}),
        (RULES, "def f():\n    import time", {"time"}),
        (RULES, f"import {bootstrap.__name__}", {bootstrap.__name__}),
        (RULES, f"import {process.__name__}", set()),
        (TABLES, f"import {parts.__name__}", {parts.__name__}),
        (SERVICE, f"from {parts.__name__} import tasks", {parts.__name__}),
        (PARTS, f"import {sweep.__name__}", {sweep.__name__}),
        (
            TABLES,
            f"from {sweep.__name__} import sweep",
            {sweep.__name__},
        ),
        ("tools/sfn_cqrs_tools/runtime", "import sfn_cqrs", {"sfn_cqrs"}),
        (
            "tools/sfn_cqrs_tools/runtime",
            "from sfn_cqrs_tools.stack import reporter",
            {"sfn_cqrs_tools.stack", "sfn_cqrs_tools.stack.reporter"},
        ),
        ("tools/sfn_cqrs_tools/runtime", "from sfn_cqrs_tools.runtime import fabric", set()),
        ("functions", "from ..finish import app", {"..finish", "..finish.app"}),
    ],
)
def test_a_forbidden_import_is_found(folder: str, source: str, found: set[str]) -> None:
    assert violations(folder, imports_of(ast.parse(source))) == found


def test_asking_the_time_is_found() -> None:
    assert asks_the_time(ast.parse("at = datetime.now(UTC)"))


TOOLS_IN_ORDER = (
    "runtime",
    "terminal",
    "client",
    "agents",
    "scaffold",
    "stack",
    "testing",
    "replay",
    "restore",
    "original",
    "console",
    "cli",
)
"""The folders of the tools: each imports from those before it."""


def later_folders(folder: str, imported: Iterable[str]) -> set[str]:
    """Return what a module of a folder of the tools imports from a later folder."""
    later = TOOLS_IN_ORDER[TOOLS_IN_ORDER.index(folder) + 1 :]
    prefixes = tuple(f"sfn_cqrs_tools.{one}." for one in later)
    return {name for name in imported if f"{name}.".startswith(prefixes)}


@pytest.mark.parametrize("folder", TOOLS_IN_ORDER)
def test_folders_of_the_tools_import_one_way(folder: str) -> None:
    found = {
        path.relative_to(ROOT).as_posix(): later
        for path, tree in modules(f"{TOOLS}/{folder}")
        if (later := later_folders(folder, imports_of(tree)))
    }

    assert found == {}


def test_every_folder_of_the_tools_has_its_place() -> None:
    folders = {path.parent.name for path in (ROOT / TOOLS).glob("*/__init__.py")}

    assert folders == set(TOOLS_IN_ORDER)


def test_an_import_from_a_later_folder_is_found() -> None:
    source = "from sfn_cqrs_tools.stack.health import Health\nimport sfn_cqrs_tools.client.api"

    found = later_folders("client", imports_of(ast.parse(source)))

    assert found == {"sfn_cqrs_tools.stack.health", "sfn_cqrs_tools.stack.health.Health"}
