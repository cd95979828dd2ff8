"""A tenant's usage with its list prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.prices import (
    DOLLARS_OF_A_COMMAND,
    GB_MONTH,
    IMPORTED_ROW,
    S3_GB_MONTH,
    TASK_ITEM,
    dollars,
)

GIGA: Final = 1e9
Line = dict[str, Any]


class Priced(NamedTuple):
    """The stored items by type, with dollars a month; and each day by type, the latest first."""

    stored: list[Line]
    days: list[Line]


def priced_usage(api: Api, days: int) -> Priced:
    """Return the usage of the latest days, as the API answers it, each line with its dollars."""
    found = api.get("/usage")
    shown = sorted({each["day"] for each in found["days"]}, reverse=True)[:days]
    return Priced(
        [{**each, "dollars": _of_stored(each)} for each in found["stored"]],
        [{**each, "dollars": _of_day(each)} for each in found["days"] if each["day"] in shown],
    )


def _of_stored(each: Mapping[str, Any]) -> float:
    gigabytes = each["bytes"] / GIGA, each["objectBytes"] / GIGA
    return float(gigabytes[0] * GB_MONTH + gigabytes[1] * S3_GB_MONTH)


def _of_day(each: Mapping[str, Any]) -> float:
    rows = each["rows"] * dollars(IMPORTED_ROW["SYNC"])
    items = each["taskItems"] * dollars(TASK_ITEM)
    return float(each["commands"] * DOLLARS_OF_A_COMMAND + rows + items)
