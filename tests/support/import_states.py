"""States of imports as their machines run them: the functions, given events."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from functions.import_csv.csv_rows_handler.app import RETRIES

from sfn_cqrs.kernel.keys import ImportKey, ZipKey, ZipRef

EVENTS = Path(__file__).parents[2] / "events"


def run_state(
    name: str,
    execution_input: dict[str, object],
    state_input: Any = None,
    *,
    retries: int = 0,
    remaining_ms: int = 900_000,
) -> Any:
    """Run a state such as `import_csv/csv_loader`; its sample event says what is not given."""
    event = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    event["context"]["Execution"]["Input"] = execution_input
    event["context"]["State"]["RetryCount"] = retries
    if state_input is not None:
        event["input"] = state_input
    handler = importlib.import_module(f"functions.{name.replace('/', '.')}.app").lambda_handler
    return handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: remaining_ms))


def load_job(key: ImportKey) -> dict[str, Any]:
    """What csv_loader answers."""
    loaded: dict[str, Any] = run_state("import_csv/csv_loader", key.as_input())
    return loaded


def run_batch(key: ImportKey, items: list[dict[str, Any]], *, is_last_try: bool = False) -> int:
    """How many rows csv_rows_handler has gone through."""
    retries = RETRIES if is_last_try else 0
    name = "import_csv/csv_rows_handler"
    return int(run_state(name, key.as_input(), items, retries=retries)["result"])


def end_job(key: ImportKey) -> str:
    """The status that finalize_parent_job ends with."""
    return str(run_state("import_csv/finalize_parent_job", key.as_input(), {})["result"])


def list_zip(ref: ZipRef) -> list[int]:
    """The files that list_zip answers, by their indexes."""
    indexes: list[int] = run_state("zip_orchestrator/list_zip", ref.as_input())["result"]
    return indexes


def extract_file(key: ZipKey, index: int, remaining_ms: int = 900_000) -> bool:
    """Whether extract_file has put a file where it can be imported."""
    asked = ZipRef(key, 1).as_input()
    name = "zip_orchestrator/extract_file"
    return bool(run_state(name, asked, index, remaining_ms=remaining_ms)["ok"])
