"""Where the layer's modules are, and of which kind each is.

Tests name its folders here alone, and its modules in import statements: if modules move, this file
changes and the tests do not.
"""

import importlib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
LAYER = "layer/sfn_cqrs"
DOMAIN, ADAPTERS, SERVICE, ROUTES = "domain", "adapters", "service", "routes"
BOOTSTRAP = "bootstrap"


def dotted(path: Path, root: Path = ROOT) -> str:
    """Return the name of the layer's module in a file; empty for any other file."""
    if not path.is_relative_to(root / LAYER):
        return ""
    parts = path.relative_to((root / LAYER).parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def kind_of(module: str) -> str:
    """Return what a module of the layer is, which says what it may import; empty for others."""
    package, _, below = module.partition(".")
    return below.partition(".")[0] if package == Path(LAYER).name else ""


def name_of(module: str) -> str:
    """Return a module's name among those of its kind."""
    return module.rpartition(".")[2]


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
