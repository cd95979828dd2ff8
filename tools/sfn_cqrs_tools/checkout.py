"""Where the project lies: the checkout that this package was installed from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TEMPLATE: Final = CHECKOUT / "template.yaml"
FABRIC_PYTHON: Final = CHECKOUT / ".venv-fabric" / "bin" / "python"
DEFAULT_STATE: Final = CHECKOUT / ".sfn-cqrs"
