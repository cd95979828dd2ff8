"""Looks at unique values in a process of its own, by the declarations of the working copy."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sfn_cqrs_tools.replay.process import answer


def looked(asked: dict[str, Any]) -> dict[str, Any]:
    """Check, or enforce, the unique values of a type; return what was found of each tenant."""
    from sfn_cqrs.care.tenants.service import tenants  # noqa: PLC0415
    from sfn_cqrs.care.unique_values import UniqueValues  # noqa: PLC0415 - after the path is set

    type_, rate = asked["type"], asked["rate"]
    UniqueValues("any", type_)  # refuses a type that has none
    of = [asked["tenant"]] if asked["tenant"] else [*tenants(rate=rate)]
    found: dict[str, Any] = {}
    for tenant in of:
        values = UniqueValues(tenant, type_, rate=rate)
        found[tenant] = asdict(values.enforce() if asked["writes"] else values.check())
    return {"type": type_, "enforced": asked["writes"], "tenants": found}


if __name__ == "__main__":
    answer(looked)
