"""The naming law: one word from the state to its function, code, test and event.

Walks statemachine/, template.yaml, functions/, events/ and tests/unit/, and tells each gap.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import LAYER, ROOT, ROUTES, dotted, name_of, of_kind, room_of
from tests.template.stack import imports_of

from sfn_cqrs_tools.runtime.template import Function, Machine, Template

PARAMETERS = {"JwtIssuer": "https://issuer.example.com", "JwtAudience": "client"}
INVOKE = "arn:aws:states:::lambda:invoke"
OF_SEVERAL_RESOURCES = {"waiting"}
"""Waiting clients ask for commands and for rows."""
OF_NO_ROOM = {"support", "types"}
"""Unit tests of the tests' own parts, and of declared types by every way in."""
BY_FUNCTIONS = {
    "care/test_sweep.py",
    "rebuild/test_rebuild_memory.py",
    "zip_orchestrator/test_zip_stream.py",
}
"""Unit tests that reach their room by functions of others alone."""
ROOMS = {
    path.parent.name
    for path in (ROOT / LAYER).rglob("__init__.py")
    if path.parent.parent.name in {"sfn_cqrs", "machines", "care"}
}


def gaps(root: Path) -> list[str]:
    """Tell in one sentence each where the law is broken below `root`; none is the good answer."""
    template = Template.load(root / "template.yaml", parameters=PARAMETERS)
    return [
        *_machine_gaps(root, template),
        *_state_gaps(template),
        *_function_gaps(root, template),
        *_stray_files(root, template),
    ]


def logical_id(folder: Path) -> str:
    """The function's name, from its folder: PascalCase of `<machine>_<state>_function`."""
    words = "_".join([*folder.parts, "function"]).split("_")
    return "".join(word.title() for word in words)


def _machine_gaps(root: Path, template: Template) -> Iterator[str]:
    declared = {machine.path for machine in template.machines.values()}
    present = set((root / "statemachine").glob("*")) - {root / "statemachine/MockConfigFile.json"}
    for path in sorted(present - declared):
        yield f"{path.name} is not a machine of template.yaml"
    for path in sorted(declared - present):
        yield f"template.yaml names {path.name}, which is missing"


def _state_gaps(template: Template) -> Iterator[str]:
    for machine in template.machines.values():
        group = Path(machine.folder)
        expected = {}
        for state, body in machine.states():
            if not body.get("Resource", "").startswith(INVOKE):
                continue
            named = body["Parameters"]["FunctionName"]
            own = _own_function(template, group, state)
            expected[own] = state
            if named != f"${{{own}}}":
                yield f"{machine.key}: {state} calls {named}, not its own function"
        yield from _machine_function_gaps(template, machine, expected)


def _own_function(template: Template, group: Path, state: str) -> str:
    """The state's function; `csv_rows_handler_jsonl` is a variant of csv_rows_handler's state."""
    own = logical_id(group / state)
    variants = [
        function.logical_id
        for function in template.functions.values()
        if function.folder.parent == template.root / "functions" / group
        and state.startswith(f"{function.folder.name}_")
    ]
    return variants[0] if variants and own not in template.functions else own


def _is_own(machine: Machine) -> bool:
    """Whether a folder is named after the machine, which then has a state for each function."""
    return machine.folder == machine.key.replace("-", "_")


def _machine_function_gaps(
    template: Template, machine: Machine, expected: dict[str, str]
) -> Iterator[str]:
    group = template.root / "functions" / machine.folder
    declared = {
        function.logical_id
        for function in template.functions.values()
        if function.folder.parent == group
    }
    for missing in sorted(expected.keys() - declared):
        yield f"{machine.key}: {expected[missing]} has no {missing} in template.yaml"
    for unused in sorted(declared - expected.keys() if _is_own(machine) else ()):
        yield f"{unused} serves no state of {machine.key}"


def _function_gaps(root: Path, template: Template) -> Iterator[str]:
    for function in template.functions.values():
        folder = function.folder.relative_to(root / "functions")
        if logical_id(folder) != function.logical_id:
            yield f"{function.logical_id} lies in {folder}, where {logical_id(folder)} belongs"
        group, name = folder.parts
        for path in (
            Path("functions", folder, "app.py"),
            Path("events", group, f"{name}.json"),
            Path("tests/unit", group, f"test_{name}.py"),
        ):
            if not (root / path).is_file():
                yield f"{function.logical_id} lacks {path}"
        yield from _not_alone(function)
    for machine in template.machines.values():
        start = Path("events", machine.folder, "start_execution.json")
        if not (root / start).is_file() and _is_own(machine):
            yield f"{machine.key} lacks {start}"


def _not_alone(function: Function) -> Iterator[str]:
    if not function.folder.is_dir():
        return
    for path in sorted(function.folder.iterdir()):
        if path.name not in {"app.py", "__pycache__"}:
            yield f"{function.logical_id}: {path.name} lies beside app.py; move it to the layer"


def _stray_files(root: Path, template: Template) -> Iterator[str]:
    functions = template.functions.values()
    folders = {function.folder.relative_to(root / "functions") for function in functions}
    groups = {folder.parts[0] for folder in folders}
    for path in sorted((root / "functions").rglob("app.py")):
        if path.parent.relative_to(root / "functions") not in folders:
            yield f"{path.relative_to(root)} is not a function of template.yaml"
    for path in sorted((root / "events").rglob("*.json")):
        if not _names_a_function(path.relative_to(root / "events").with_suffix(""), folders):
            yield f"{path.relative_to(root)} is the payload of no function"
    routes = {name for path in of_kind(ROUTES, root) for name in _resources(dotted(path, root))}
    yield from _stray_folders(root, groups)
    for path in sorted((root / "tests/unit").glob("*/**/test_*.py")):
        folder = path.parent.relative_to(root / "tests/unit")
        name = path.stem.removeprefix("test_")
        is_of_routes = folder.name == "api" and name in routes | OF_SEVERAL_RESOURCES
        is_known = folder / name in folders or is_of_routes or _tests_its_room(path, folder)
        if folder.name in groups | ROOMS and not is_known:
            yield f"{path.relative_to(root)} tests no function, and nothing of its room"


def _stray_folders(root: Path, groups: set[str]) -> Iterator[str]:
    packages = {path.parent.name for path in (root / "app").glob("*/__init__.py")}
    for path in sorted((root / "tests/unit").glob("*/")):
        if path.name not in groups | ROOMS | packages | OF_NO_ROOM and any(path.glob("*.py")):
            yield f"{path.relative_to(root)} has the name of no room"


def _tests_its_room(path: Path, folder: Path) -> bool:
    """Return whether a test imports a module, or the samples, of the room of its folder."""
    if (folder / path.name).as_posix() in BY_FUNCTIONS:
        return True
    names = imports_of(ast.parse(path.read_text(encoding="utf-8")))
    of_layer = (name for name in names if name.startswith(f"{Path(LAYER).name}."))
    rooms = {room_of(name).removeprefix("machines/") for name in of_layer}
    if ".".join(("tests.unit", *folder.parts, "conftest")) in names and folder.name in ROOMS:
        return True
    return any(f"{room}/".startswith(f"{folder.as_posix()}/") for room in rooms)


def _resources(module: str) -> set[str]:
    """What the tests of a module with routes may be called: by its room, or by its own name."""
    folder, name = name_of(module).split(".")
    part = name.removesuffix("routes").strip("_")
    return {name, part, folder, f"{folder}s", f"{folder}_{part}s"}


def _names_a_function(event: Path, folders: set[Path]) -> bool:
    """`sweep_execution_ended` is a variant of `sweep`; each machine also has start_execution."""
    if event.name == "start_execution":
        return any(folder.parent == event.parent for folder in folders)
    return any(
        folder.parent == event.parent and f"{event.name}_".startswith(f"{folder.name}_")
        for folder in folders
    )
