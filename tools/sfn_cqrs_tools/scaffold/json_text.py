"""Formats JSON as in this project's files: an object is on one line if it fits."""

import json

from sfn_local import Json

WIDTH = 100
STEP = "  "


def json_text(value: Json) -> str:
    """Return the text of a file, with its last newline."""
    return f"{indented(value)}\n"


def indented(value: Json, margin: str = "", before: int = 0) -> str:
    """Return the text of a value that starts at a column of a line with that margin."""
    line = _line(value)
    if before + len(margin) + len(line) < WIDTH or not isinstance(value, (dict, list)):
        return line
    inner = margin + STEP
    if isinstance(value, list):
        parts = [indented(item, inner) for item in value]
        start, end = "[", "]"
    else:
        keys = {name: f"{json.dumps(name, ensure_ascii=False)}: " for name in value}
        parts = [keys[name] + indented(value[name], inner, len(keys[name])) for name in value]
        start, end = "{", "}"
    listed = ",\n".join(inner + part for part in parts)
    return f"{start}\n{listed}\n{margin}{end}"


def _line(value: Json) -> str:
    if isinstance(value, dict) and value:
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {_line(value[key])}" for key in value)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_line, value))}]"
    return json.dumps(value, ensure_ascii=False)
