"""Sending a file by the form that the API allows: streamed, however large it is."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from sfn_cqrs_tools.client.api import Api
    from sfn_cqrs_tools.terminal.progress import Update

CHUNK: Final = 1024 * 1024


def upload(api: Api, path: Path, table: str | None, update: Update, name: str | None = None) -> str:
    """Upload a file, as another `name` if given; return the key to import.

    Raises:
        ApiProblem: there is no such table.
        click.ClickException: the file is too large, or cannot be sent.
    """
    asked = {"name": name or path.name, "tableName": table}
    given = {name: value for name, value in asked.items() if value is not None}
    form = api.post("/imports/uploads", json.dumps(given))
    size = path.stat().st_size
    if size > form["maxBytes"]:
        raise click.ClickException(
            f"{path} has {size:,} bytes; an upload has at most {form['maxBytes']:,}."
            " Put it into the import bucket, and start s3://…"
        )
    boundary = uuid.uuid4().hex
    head, tail = _head(boundary, form["fields"]), f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        form["url"], data=_body(head, path, tail, update), method="POST"
    )
    request.add_header("content-type", f"multipart/form-data; boundary={boundary}")
    request.add_header("content-length", str(len(head) + size + len(tail)))
    try:
        with api.open(request):
            return str(form["key"])
    except urllib.error.HTTPError as error:
        raise click.ClickException(f"the upload was refused: {_reason(error)}") from error
    except OSError as error:
        raise click.ClickException(f"the upload broke off, try again: {error}") from error


def _head(boundary: str, fields: dict[str, Any]) -> bytes:
    disposition = f"--{boundary}\r\ncontent-disposition: form-data; name="
    parts = [f'{disposition}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    return "".join([*parts, f'{disposition}"file"; filename="file"\r\n\r\n']).encode()


def _body(head: bytes, path: Path, tail: bytes, update: Update) -> Iterator[bytes]:
    yield head
    sent = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
            sent += len(chunk)
            update(sent)
    yield tail


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    found = re.search(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", text, re.DOTALL)
    return f"{found[1]}: {found[2]}" if found else f"HTTP {error.code}"
