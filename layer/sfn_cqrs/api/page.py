"""The OpenAPI document as one page that works offline, without other requests."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from sfn_cqrs.kernel.http.html import html_page

_STYLE: Final = """\
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent) }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem max(1rem, 50% - 30rem) }
h2 { margin-top: 2rem; text-transform: capitalize }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem; padding: .3rem .8rem }
summary { cursor: pointer }
code, pre, input, textarea { font: 13px/1.5 ui-monospace, monospace }
pre { overflow: auto; padding: .6rem; border: 1px solid var(--line); border-radius: 6px }
table { border-collapse: collapse }
td { padding: .1rem 1rem .1rem 0; vertical-align: top }
textarea { width: 100%; box-sizing: border-box }
.method { display: inline-block; width: 4.5em; font-weight: 700 }
"""
_CONTENT: Final = """\
<p>{description} <a href="openapi.json">openapi.json</a></p>
<p><label>ID token, for a stack on AWS: <input id="token" type="password" size="40"></label></p>
{operations}
<h2>Schemas</h2>
{schemas}
<script>{script}</script>"""

_SCRIPT: Final = """
document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, out = form.querySelector("output");
  const headers = {}, query = new URLSearchParams();
  let path = form.dataset.path;
  for (const input of form.querySelectorAll("input[name]")) {
    const { name, value } = input;
    if (input.dataset.in === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (value && input.dataset.in === "query") query.set(name, value);
    else if (value) headers[name] = value;
  }
  const token = document.getElementById("token").value;
  if (token) headers.authorization = `Bearer ${token}`;
  const body = form.querySelector("textarea")?.value;
  if (body) headers["content-type"] = "application/json";
  const url = path.slice(1) + (query.size ? `?${query}` : "");
  try {
    const answer = await fetch(url, { method: form.dataset.method, headers, body });
    let text = await answer.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch {}
    out.textContent = `${answer.status} ${answer.statusText}\\n\\n${text}`;
  } catch (error) { out.textContent = String(error); }
});
"""


def page(document: Mapping[str, Any]) -> str:
    """Return a document as HTML."""
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append(_operation(document, method, path, operation))
    operations = "".join(f"<h2>{escape(tag)}</h2>{''.join(each)}" for tag, each in by_tag.items())
    schemas = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{_json(schema)}</pre></details>"
        for name, schema in document["components"]["schemas"].items()
    )
    info = document["info"]
    content = _CONTENT.format(
        description=escape(info["description"]),
        operations=operations,
        schemas=schemas,
        script=_SCRIPT,
    )
    return html_page(info["title"], _STYLE, content)


def _operation(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> str:
    answers = "".join(
        f"<tr><td>{status}<td>{_answer(one)}" for status, one in operation["responses"].items()
    )
    return (
        f'<details><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f'<form data-method="{method.upper()}" data-path="{escape(path)}">'
        f"<table>{''.join(_inputs(operation))}</table>{_body(document, operation)}"
        f"<p><button>Send</button></p><pre><output></output></pre></form>"
        f"<table>{answers}</table></details>"
    )


def _inputs(operation: Mapping[str, Any]) -> Iterator[str]:
    for one in operation.get("parameters", []):
        name, needed = escape(one["name"]), " required" if one["required"] else ""
        yield (
            f"<tr><td><label>{name} <input name='{name}' data-in='{one['in']}'{needed}></label>"
            f"<td>{escape(one.get('description', ''))} <code>{_json(one['schema'], None)}</code>"
        )


def _body(document: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    if "requestBody" not in operation:
        return ""
    (content,) = operation["requestBody"]["content"].values()
    options = content["schema"].get("oneOf", [content["schema"]])
    names = [option["$ref"].rpartition("/")[2] for option in options]
    schemas = document["components"]["schemas"]
    example = _example_of(schemas, schemas[names[0]])
    rows = len(json.dumps(example, indent=2).splitlines()) + 1
    links = " or ".join(map(_link, names))
    return f'<p>{links}</p><textarea rows="{rows}">{_json(example)}</textarea>'


def _example_of(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with the fields that a body needs, and those that its attributes need."""
    found = {}
    for name in schema["required"]:
        shape = schema["properties"][name]
        if "$ref" in shape:
            shape = schemas[shape["$ref"].rpartition("/")[2]]
            found[name] = _example_of(schemas, {"required": [], **shape})
        else:
            found[name] = _example(shape)
    return found


def _example(shape: Mapping[str, Any]) -> Any:
    if "const" in shape:
        return shape["const"]
    kinds = shape.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    least = shape.get("minimum", 0)
    plain: dict[str, Any] = {
        **{"integer": least, "number": least, "boolean": False},
        **{"array": [], "object": {}},
    }
    return shape.get("enum", [plain.get(kind, "…")])[0]


def _answer(one: Mapping[str, Any]) -> str:
    schemas = [content["schema"] for content in one.get("content", {}).values()]
    links = [_link(each["$ref"].rpartition("/")[2]) for each in schemas if "$ref" in each]
    return " ".join([escape(one["description"]), *links])


def _link(name: str) -> str:
    return f'<a href="#{escape(name)}"><code>{escape(name)}</code></a>'


def _json(value: Any, indent: int | None = 2) -> str:
    return escape(json.dumps(value, ensure_ascii=False, indent=indent))
