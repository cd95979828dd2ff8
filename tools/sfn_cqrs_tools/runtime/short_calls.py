"""boto3's calls of JSON services on this machine, without the work that a way to AWS needs.

botocore spends most of a call's time below `before-call`: headers, a signature, urllib3's pools,
the parsing of headers as e-mail, the shape of each attribute. Here a request is a few lines on a
socket that stays open. Whatever is not a plain answer is left to botocore, which sends the
request again as it does after a failure. So a client that sends a request only once is botocore's.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ParamValidationError
from botocore.handlers import REGISTER_LAST
from botocore.parsers import ResponseParserFactory
from botocore.validate import ParamValidator

from sfn_cqrs_tools.runtime.client_hooks import Hooked
from sfn_cqrs_tools.runtime.listening import HOST
from sfn_cqrs_tools.runtime.open_lines import Answer, Lines, post
from sfn_local.http_server import Handler, Request

_LOCAL: Final = f"http://{HOST}:"
_PLAIN: Final = frozenset(
    (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    )
)
"""Operations of DynamoDB whose answers boto3 gives as they come, but for binary values."""
_BINARY: Final = (b'"B":', b'"BS":')
_VALIDATOR: Final = ParamValidator()
_ERROR: Final = 300
_SERVER_ERROR: Final = 500
_THROTTLED: Final = 429


class ShortCalls(Hooked):
    """Answers the calls of boto3 clients that are made after `start`."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._lines = Lines()
        self._here: dict[str, Handler] = {}
        # The last hook of all: others still see each call, and may refuse it.
        self._hooks = [
            ("before-call", self._answered, REGISTER_LAST),
            ("creating-client-class.dynamodb", _write_short_requests),
        ]

    def serve_here(self, url: str, handle: Handler) -> None:
        """Call what answers at a URL in this process, without a connection."""
        self._here[urlsplit(url).netloc] = handle

    def stop(self) -> None:
        """Leave clients made from now on to botocore, and close the connections."""
        super().stop()
        self._lines.close()

    def _answered(
        self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> tuple[Answer, dict[str, Any]] | None:
        """Return an answer and what it means; None leaves the call to botocore."""
        url, body = params["url"], params["body"]
        is_ours = url.startswith(_LOCAL) and isinstance(body, bytes)
        if not is_ours or model.service_model.resolved_protocol != "json":
            return None
        config = context["client_config"]
        if (config.retries or {}).get("total_max_attempts") == 1:
            return None
        address = urlsplit(url).netloc
        try:
            answer = self._sent(address, params["headers"], body, config)
        except OSError:
            return None
        if answer.status_code >= _SERVER_ERROR or answer.status_code == _THROTTLED:
            return None
        return answer, _parsed(model, answer)

    def _sent(self, address: str, headers: Any, body: bytes, config: Any) -> Answer:
        if address in self._here:
            return _answer_here(self._here[address], headers, body)
        given = [one for one in headers.items() if one[0] != "User-Agent"]
        return self._lines.ask(address, post(address, "/", given, body), config.read_timeout)


class _ShortClient:
    """A client of DynamoDB whose requests for items on this machine are its parameters."""

    def _resolve_endpoint_ruleset(
        self, operation_model: Any, params: Any, request_context: Any, *more: Any, **named: Any
    ) -> Any:
        url = self.meta.endpoint_url  # type: ignore[attr-defined]
        if operation_model.name in _PLAIN and url.startswith(_LOCAL):
            return url, {}, {}
        return super()._resolve_endpoint_ruleset(  # type: ignore[misc]
            operation_model, params, request_context, *more, **named
        )

    def _convert_to_request_dict(
        self, api_params: Any, operation_model: Any, endpoint_url: str, *more: Any, **named: Any
    ) -> Any:
        if operation_model.name not in _PLAIN or not endpoint_url.startswith(_LOCAL):
            return super()._convert_to_request_dict(  # type: ignore[misc]
                api_params, operation_model, endpoint_url, *more, **named
            )
        report = _VALIDATOR.validate(api_params, operation_model.input_shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())
        metadata = operation_model.metadata
        return {
            "method": "POST",
            "url": f"{endpoint_url}/",
            "url_path": "/",
            "query_string": {},
            "headers": {
                "X-Amz-Target": f"{metadata['targetPrefix']}.{operation_model.name}",
                "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
            },
            "body": json.dumps(api_params, default=_base64).encode(),
            "context": named["context"],
        }


def _write_short_requests(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _ShortClient)


def _base64(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


def _answer_here(handle: Handler, headers: Any, body: bytes) -> Answer:
    asked = {name.lower(): value for name, value in headers.items()}
    response = handle(Request("POST", "/", "", asked, body))
    answered = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, answered, response.body)


def _parsed(model: Any, answer: Answer) -> dict[str, Any]:
    """Return what boto3 makes of an answer."""
    is_plain = answer.status_code < _ERROR and model.name in _PLAIN
    if is_plain and not any(one in answer.content for one in _BINARY):
        said = json.loads(answer.content)
        parsed = {name: value for name, value in said.items() if value is not None}
    else:
        parsed = _read(model, answer)
    parsed["ResponseMetadata"] = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status_code,
        "HTTPHeaders": answer.headers,
        "RetryAttempts": 0,
    }
    return parsed


def _read(model: Any, answer: Answer) -> dict[str, Any]:
    """Read an answer as botocore does."""
    parser = ResponseParserFactory().create_parser("json")
    given = {
        "status_code": answer.status_code,
        "headers": answer.headers,
        "body": answer.content,
        "context": {"operation_name": model.name},
    }
    parsed: dict[str, Any] = parser.parse(given, model.output_shape)
    if answer.status_code >= _ERROR:
        shape = model.service_model.shape_for_error_code(parsed.get("Error", {}).get("Code"))
        if shape is not None:
            parsed |= parser.parse(given, shape)
    return parsed
