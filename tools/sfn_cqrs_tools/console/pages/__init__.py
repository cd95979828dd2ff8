"""The pages of the console, by their paths below /console."""

from collections.abc import Mapping
from typing import Final

from sfn_cqrs_tools.console.application import Page, Taker
from sfn_cqrs_tools.console.pages import (
    approvals,
    comparing,
    erasures,
    executions,
    imports,
    items,
    overview,
    queues,
    read_models,
    rebuilds,
    repairs,
    sagas,
    search,
    tasks,
    usage,
)

_PARTS: Final = (
    overview,
    comparing,
    executions,
    items,
    imports,
    tasks,
    sagas,
    approvals,
    repairs,
    read_models,
    rebuilds,
    queues,
    usage,
    erasures,
    search,
)

PAGES: Final[Mapping[str, Page]] = {k: page for part in _PARTS for k, page in part.PAGES.items()}
FORMS: Final[Mapping[str, Page]] = {k: form for part in _PARTS for k, form in part.FORMS.items()}
FILES: Final[Mapping[str, Taker]] = imports.FILES
