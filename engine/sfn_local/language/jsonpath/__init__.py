"""JSONPath as Step Functions speaks it, which is the dialect of Jayway JsonPath.

A definite path (`$.a.b[0]`) has one value, or leads nowhere; an indefinite one (`$..a`, `$.a[*]`,
`$.a[1:]`, `$.a[?(@.b)]`) has a list of values, which may be empty.
"""

from sfn_local.language.jsonpath.parser import PathSyntaxError, parse_path
from sfn_local.language.jsonpath.path import Path, PathNotFound

__all__ = ["Path", "PathNotFound", "PathSyntaxError", "parse_path"]
