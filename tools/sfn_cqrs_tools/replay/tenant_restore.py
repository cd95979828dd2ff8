"""Restores a tenant in a process of its own, by the declarations of the working copy."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from typing import Any, Final

from sfn_cqrs_tools.replay.process import answer

LISTED: Final = 100
"""Items that the answer lists; a report lists all."""


def restored(asked: dict[str, Any]) -> dict[str, Any]:
    """Restore, and return the counts with the first items that are not as they were."""
    from sfn_cqrs.care.tenants.restore import Fate, Restore  # noqa: PLC0415
    from sfn_cqrs.machines.command import handlers  # noqa: PLC0415 - after the path is set

    handlers.load()
    restore = Restore(asked["tenant"], asked["to"], writes=asked["writes"], rate=asked["rate"])
    counts: Counter[str] = Counter({str(fate): 0 for fate in Fate})
    left: list[dict[str, Any]] = []
    path = asked["report"]
    with open(path, "w", encoding="utf-8") if path else nullcontext() as report:  # noqa: PTH123
        for item in restore.run():
            counts[str(item.fate)] += 1
            if item.problem is None:
                continue
            if len(left) < LISTED:
                left.append(item.as_json())
            if report is not None:
                report.write(f"{json.dumps(item.as_json(), ensure_ascii=False)}\n")
    shown = {"tenant": asked["tenant"], "to": asked["to"], "began": restore.began}
    return {**shown, "isDryRun": not asked["writes"], "counts": dict(counts), "left": left}


if __name__ == "__main__":
    answer(restored)
