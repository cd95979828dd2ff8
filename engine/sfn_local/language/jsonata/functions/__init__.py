"""The functions of the language, by name; each is called with the run and its arguments."""

from sfn_local.language.jsonata.functions import collections, higher, numbers, strings, times
from sfn_local.language.jsonata.functions.registry import REGISTERED
from sfn_local.language.jsonata.values import Native

MODULES = (collections, higher, numbers, strings, times)
FUNCTIONS: dict[str, Native] = REGISTERED

__all__ = ["FUNCTIONS", "MODULES"]
