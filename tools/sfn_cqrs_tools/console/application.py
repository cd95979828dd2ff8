"""The web application: pages by their paths, forms behind their tokens, and live pages."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, quote, unquote

import anyio
from anyio.to_thread import run_sync
from botocore.exceptions import BotoCoreError, ClientError
from click import ClickException
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from sfn_cqrs_tools.client.api import Api, ApiProblem, work_path
from sfn_cqrs_tools.console.backend import ROOT, Backend
from sfn_cqrs_tools.console.commands import Shown, command_of
from sfn_cqrs_tools.console.executions import Executions
from sfn_cqrs_tools.console.rendering import STATIC, environment
from sfn_cqrs_tools.console.security import FIELD, HEADER, LARGEST_FORM, FormTokens, Guarded
from sfn_cqrs_tools.console.who import COOKIE, Who, chosen
from sfn_local.cli.showing import visible
from sfn_local.request_guard import Guard

logger = logging.getLogger(__name__)

PROBLEM: Final = "problem.html"
CORRECTABLE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Statuses for problems that the sender of a form can correct in it."""
FORM_NAMES: Final = {"taskType": "type", "tableName": "table"}
"""The form's field names, by the API's field names."""
_INDEX: Final = re.compile(r"\[(\d+)\]")
_FIELD: Final = re.compile(r"(?P<field>[A-Za-z][\w.\[\]]*): (?P<reason>.+)", re.DOTALL)
BEAT_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Ask:
    """A request for a page: the parts of its path, its query or form, and the person."""

    backend: Backend
    executions: Executions
    who: Who
    path: str
    parts: Mapping[str, Any]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    """The form that was refused, if its page is shown again."""
    origin: str = ""
    """Where the console was asked, as the browser named it."""
    came_from: str = ""
    """The person's tenant before a link that names another one was opened."""
    is_patient: bool = False
    """Whether the page is open already, so that slow parts may follow."""

    @property
    def api(self) -> Api:
        """Return the stack's API, called as the person who asked for the page."""
        return self.backend.api(self.who)


def json_of(text: str, name: str) -> Any:
    """Return the JSON that a form has in a field.

    Raises:
        Refused: it is not valid; the text says where.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        told = f"Not valid JSON: {error.msg} ({place})"
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", told, {name: told}) from error


@dataclass(frozen=True)
class View:
    """A page: its template and its values; a live page is refreshed repeatedly."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    is_live: bool = False
    status: int = HTTPStatus.OK


@dataclass(frozen=True)
class GoTo:
    """An answer to a form: the page to go to, within the console."""

    path: str


@dataclass(frozen=True)
class File:
    """A response with a file instead of a page."""

    content: bytes
    name: str
    type: str = "text/plain; charset=utf-8"


Answer = View | GoTo | File
Page = Callable[[Ask], Answer]
Taker = Callable[[Path, Ask], Answer]


def stepping(collection: str, verb: str) -> Page:
    """Return a handler that asks the API for one step, then shows the page again."""

    def step(ask: Ask) -> GoTo:
        ask.api.post(work_path(collection, ask.parts["id"], verb))
        return GoTo(f"/{collection}/{ask.parts['id']}")

    return step


class Named(Protocol):
    """The reference to an item of which an execution is named."""

    def execution_name(self, table: str) -> str:
        """Return the name of the execution."""


def begun(ask: Ask, path: str, body: Mapping[str, Any] | None = None, page: str = "") -> GoTo:
    """Begin work by a POST, and go to its page, which is below the path if no other is named."""
    answer = ask.api.post(path, json.dumps(body or {}))
    return GoTo(f"{page or path}/{answer['id']}")


def begun_by_form(ask: Ask, path: str, **about: str) -> GoTo:
    """Begin work with the input of a form."""
    given = json_of(ask.form.get("input", ""), "input")
    return begun(ask, path, {**about, "name": ask.form.get("name", ""), "input": given})


def execution_page(ask: Ask, machine: str, ref: Named, table: str) -> str:
    """Return the path of the execution that works on an item of a table."""
    return f"/executions/{machine}/{ref.execution_name(ask.backend.outputs[table])}"


class Refused(Exception):  # noqa: N818 - a page answers so, it is not an error of the program
    """A page cannot be shown or a form cannot be served; the text says what to do."""

    def __init__(
        self, status: HTTPStatus, code: str, text: str, fields: Mapping[str, str] | None = None
    ) -> None:
        """Take the answer's status, a stable code, the text, and what is wrong with which field."""
        super().__init__(text)
        self.status, self.code, self.fields = status, code, fields or {}


class Console:
    """Serves one stack."""

    def __init__(
        self,
        backend: Backend,
        pages: Mapping[str, Page],
        forms: Mapping[str, Page],
        files: Mapping[str, Taker],
    ) -> None:
        """Serve pages by GET, forms and files by POST; paths are Starlette's, below /console."""
        self._backend = backend
        self._executions = Executions(backend)
        self._tokens = FormTokens()
        self._templates = environment()
        self._templates.globals |= {"root": ROOT, "asset": _assets(), "digest": _digest}
        self._pages = [Route(f"{ROOT}{path}", page) for path, page in pages.items()]
        self._by_path = dict(
            zip((route.path for route in self._pages), pages.values(), strict=True)
        )
        self._forms = {f"{ROOT}{path}": form for path, form in forms.items()}
        self._files = {f"{ROOT}{path}": taker for path, taker in files.items()}
        self.is_closing = False

    def application(self, guard: Guard) -> ASGIApp:
        """Return the ASGI application behind the guard."""
        routes = [
            Mount(f"{ROOT}/static", StaticFiles(directory=STATIC)),
            Route(f"{ROOT}/live", self._live),
            Route(f"{ROOT}/alive", self._alive),
            Route(f"{ROOT}/who", self._choose_who, methods=["POST"]),
            *(Route(path, self._post, methods=["POST"]) for path in self._forms),
            *(Route(path, self._take_file, methods=["POST"]) for path in self._files),
            *(Route(route.path, self._get) for route in self._pages),
            Route("/", self._home),
            Route(ROOT + "/", self._home),
            Route("/{rest:path}", self._missing),
        ]
        return Guarded(GZipMiddleware(Starlette(routes=routes), compresslevel=6), guard)

    async def _home(self, _request: Request) -> Response:
        return RedirectResponse(ROOT, HTTPStatus.TEMPORARY_REDIRECT)

    async def _alive(self, _request: Request) -> Response:
        """Say whether the stack answers, to pages that are open."""
        answers = await run_sync(self._backend.answers)
        status = HTTPStatus.NO_CONTENT if answers else HTTPStatus.BAD_GATEWAY
        return Response(status_code=status, headers={"cache-control": "no-store"})

    async def _missing(self, request: Request) -> Response:
        problem = Refused(HTTPStatus.NOT_FOUND, "not_found", "There is no such page.")
        return await self._rendered(request, self._problem(problem), self._ask(request))

    async def _get(self, request: Request) -> Response:
        ask = self._ask(request)
        page = self._by_path[request.scope["route"].path]
        return await self._rendered(request, await run_sync(self._answered, page, ask), ask)

    async def _post(self, request: Request) -> Response:
        ask = self._ask(request)
        try:
            form = await _form(request)
        except Refused as refused:
            return await self._rendered(request, self._problem(refused), ask)
        ask = replace(ask, form=form)
        if not self._tokens.is_valid(request, form.get(FIELD, "")):
            problem = Refused(
                HTTPStatus.FORBIDDEN,
                "form_expired",
                "This form is of another console or has expired: open the page again.",
            )
            return await self._rendered(request, self._problem(problem), ask)
        path = request.scope["route"].path
        answer = await run_sync(self._served, path, ask)
        return await self._rendered(request, answer, ask)

    def _served(self, path: str, ask: Ask) -> Answer:
        """Return a form's response; a refused form is shown again with its values."""
        answer = self._answered(self._forms[path], ask)
        page = self._by_path.get(path)
        if page is None or not isinstance(answer, View):
            return answer
        if answer.template != PROBLEM or answer.status not in CORRECTABLE:
            return answer
        form = self._answered(page, replace(ask, form={}, given=ask.form))
        if not isinstance(form, View) or form.template == PROBLEM:
            return answer
        told = {"given": ask.form, "problem": answer.values}
        return replace(form, values={**form.values, **told}, status=answer.status, is_live=False)

    async def _take_file(self, request: Request) -> Response:
        """Return a file as the body of a request: spooled to the disk, however large it is."""
        if not self._tokens.is_valid(request, request.headers.get(HEADER, "")):
            return Response("the page has expired: open it again", HTTPStatus.FORBIDDEN)
        taker = self._files[request.scope["route"].path]
        with tempfile.NamedTemporaryFile(prefix="sfn-cqrs-upload-") as file:
            try:
                async for chunk in request.stream():
                    await run_sync(file.write, chunk)
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.NO_CONTENT)
            file.flush()
            ask = self._ask(request)
            answer = await run_sync(self._answered, partial(taker, Path(file.name)), ask)
        if isinstance(answer, GoTo):
            return Response(headers={"x-go": f"{ROOT}{answer.path}"})
        if isinstance(answer, View) and answer.template == PROBLEM:
            fields = ",".join(answer.values["fields"])
            return Response(answer.values["text"], answer.status, {"x-fields": fields})
        return await self._rendered(request, answer, ask)

    async def _choose_who(self, request: Request) -> Response:
        try:
            form = await _form(request)
        except Refused:
            form = {}
        if not self._tokens.is_valid(request, form.get(FIELD, "")):
            return Response("the form has expired: open the page again", HTTPStatus.FORBIDDEN)
        back = form.get("back", ROOT)
        is_ours = back == ROOT or back.startswith((ROOT + "/", ROOT + "?"))
        response = RedirectResponse(back if is_ours else ROOT, HTTPStatus.SEE_OTHER)
        if self._backend.is_local:
            who = chosen(form, self._backend.default)
            response.set_cookie(
                COOKIE, who.as_cookie(), httponly=True, samesite="strict", path=ROOT
            )
        return response

    async def _live(self, request: Request) -> Response:
        """Send a page's content again whenever it has changed, until nothing more will."""
        path, _, query = request.query_params.get("page", ROOT).partition("?")
        known = request.query_params.get("digest", "")
        found = self._matched(path)
        if found is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        page, parts = found
        ask = replace(self._ask(request, _query(query)), path=path, parts=parts, is_patient=True)

        events = self._changes(page, ask, known, self._tokens.session(request))
        return StreamingResponse(
            events, media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _changes(self, page: Page, ask: Ask, digest: str, session: str) -> AsyncIterator[str]:
        """Yield the events of a live page; one that cannot be seen stays as it was."""
        silent = 0.0
        yield "retry: 3000\n\n"
        while not self.is_closing:
            view = await run_sync(self._answered, page, ask)
            if not isinstance(view, View):
                return
            is_down = view.status == HTTPStatus.BAD_GATEWAY
            html = "" if is_down else await run_sync(self._content, view, ask, session)
            if is_down:
                yield _event("down", "", digest)
            elif _digest(html) != digest:
                digest, silent = _digest(html), 0.0
                yield _event("change", html, digest)
            elif silent >= BEAT_SECONDS:
                silent = 0.0
                yield ": still here\n\n"
            if not (view.is_live or is_down):
                yield _event("end", "", digest)
                return
            await anyio.sleep(self._backend.look_seconds)
            silent += self._backend.look_seconds

    def _matched(self, path: str) -> tuple[Page, Mapping[str, Any]] | None:
        scope = {"type": "http", "method": "GET", "path": unquote(path), "root_path": ""}
        for route in self._pages:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return self._by_path[route.path], child["path_params"]
        return None

    def _ask(self, request: Request, query: dict[str, str] | None = None) -> Ask:
        """Return the request as an Ask; `query` is the query of the page that it names."""
        query = dict(request.query_params) if query is None else query
        who, before = self._backend.default, ""
        if self._backend.is_local:
            who = chosen(_query(request.cookies.get(COOKIE, "")), who)
            tenant, before = query.get("tenant"), who.tenant
            who = chosen({"tenant": tenant}, who) if tenant else who
        path = request.scope["raw_path"].decode("latin-1")
        given = request.path_params
        origin = f"http://{request.headers.get('host', '')}"
        from_ = "" if before == who.tenant else before
        return Ask(
            self._backend,
            self._executions,
            who,
            path,
            given,
            query,
            origin=origin,
            came_from=from_,
        )

    def _answered(self, page: Page, ask: Ask) -> Answer:
        """Return a page's response; errors also become pages."""
        try:
            return page(ask)
        except Refused as problem:
            return self._problem(problem)
        except LookupError as error:
            return self._problem(Refused(HTTPStatus.NOT_FOUND, "not_found", f"{error.args[0]}."))
        except ApiProblem as error:
            code = str(error.document.get("code", f"http_{error.status}"))
            status = HTTPStatus(error.status)
            text = error.document.get("detail") or error.document.get("message") or status.phrase
            return self._problem(Refused(status, code, str(text), fields_of(error.document)))
        except (BotoCoreError, ClientError, ClickException, OSError) as error:
            logger.warning("%s: %s", ask.path, error)
            text = f"{self._backend.name} does not answer: {error}"
            return self._problem(Refused(HTTPStatus.BAD_GATEWAY, "no_answer", text))
        except Exception:
            logger.exception("%s failed", ask.path)
            text = "The console has an error; its log has the stack trace."
            return self._problem(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "console_error", text))

    @staticmethod
    def _problem(problem: Refused) -> View:
        values = {
            "code": problem.code,
            "text": str(problem),
            "number": int(problem.status),
            "fields": problem.fields,
        }
        return View(PROBLEM, values, status=problem.status)

    async def _rendered(self, request: Request, answer: Answer, ask: Ask) -> Response:
        if isinstance(answer, GoTo):
            gone = RedirectResponse(f"{ROOT}{answer.path}", HTTPStatus.SEE_OTHER)
            return self._stays(gone, ask)
        if isinstance(answer, File):
            named = {"content-disposition": f'attachment; filename="{answer.name}"'}
            return Response(answer.content, media_type=answer.type, headers=named)
        session = self._tokens.session(request)
        is_part = request.headers.get("hx-request") == "true"
        shown = self._content if is_part else self._whole
        html = await run_sync(shown, answer, ask, session)
        live = "true" if answer.is_live else "false"
        command = quote(visible(self._command(ask)))
        told = {"cache-control": "no-store", "x-live": live, "x-command": command}
        response = HTMLResponse(html, answer.status, told)
        self._tokens.keep(response, session)
        return self._stays(response, ask)

    def _stays(self, response: Response, ask: Ask) -> Response:
        """Let whoever has opened a page of another tenant stay there, as the menu's foot says."""
        if self._backend.is_local and ask.query.get("tenant"):
            response.set_cookie(
                COOKIE, ask.who.as_cookie(), httponly=True, samesite="strict", path=ROOT
            )
        return response

    def _whole(self, view: View, ask: Ask, session: str) -> str:
        template = self._templates.get_template(view.template)
        return template.render(self._values(view, ask, session))

    def _content(self, view: View, ask: Ask, session: str) -> str:
        """Return the part of a page that is sent again while it is live."""
        template = self._templates.get_template(view.template)
        context = template.new_context(self._values(view, ask, session))
        return "".join(template.blocks["content"](context))

    def _values(self, view: View, ask: Ask, session: str) -> dict[str, Any]:
        values = {
            "stack": self._backend.name,
            "is_local": self._backend.is_local,
            "who": ask.who,
            "came_from": ask.came_from,
            "here": ask.path,
            "command": self._command(ask),
            "asked": ask.query,
            "csrf": self._tokens.token(session),
            "is_live": view.is_live,
            "given": {},
            "problem": None,
            **view.values,
        }
        macros = self._templates.get_template("macros.html")
        return values | {"ui": macros.make_module(values)}

    def _command(self, ask: Ask) -> str:
        """Return the command that answers what a page shows."""
        stack = "" if self._backend.is_local else self._backend.name
        address, below = f"{ask.origin}{ask.path}", ask.path.removeprefix(ROOT)
        person = "" if stack else ask.who.named_beside(self._backend.default)
        return command_of(Shown(below, address, ask.query, ask.who.tenant, stack, person))


async def _form(request: Request) -> dict[str, str]:
    """Return a form's fields; a browser ends each line of a text as mail does.

    Raises:
        Refused: it is larger than any form of ours.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:
                text = f"A form has at most {LARGEST_FORM:,} bytes: publish more from a terminal."
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", text)
        fields = _query(body.decode())
    except (ClientDisconnect, UnicodeDecodeError):
        return {}
    return {name: value.replace("\r\n", "\n") for name, value in fields.items()}


def fields_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what a refusal of the API says of each field of a form."""
    problems = document.get("problems")
    if isinstance(problems, list):
        pairs = [(str(one.get("field", "")), str(one.get("reason", ""))) for one in problems]
    else:
        found = _FIELD.fullmatch(str(document.get("detail", "")))
        pairs = [(found["field"], found["reason"])] if found else []
    told: dict[str, str] = {}
    for field_, reason in pairs:
        first, _, inner = field_.partition(".")
        name = FORM_NAMES.get(first, first)
        text = f"{inner}: {reason}" if inner else reason
        if inner:
            told[_INDEX.sub(r".\1", field_)] = reason
        told[name] = f"{told[name]}; {text}" if name in told else text
    return told


def _query(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _digest(html: str) -> str:
    return hashlib.blake2b(html.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _event(kind: str, html: str, digest: str) -> str:
    """Return an event of a stream; each line of its text is one of data."""
    lines = "".join(f"data: {line}\n" for line in html.split("\n"))
    return f"event: {kind}\nid: {digest}\n{lines}\n"


def _assets() -> Callable[[str], str]:
    """Addresses of static files, each with a digest, so that a browser never shows an old one."""
    digests: dict[str, str] = {}

    def asset(name: str) -> str:
        if name not in digests:
            content = (STATIC / name).read_bytes()
            digests[name] = hashlib.sha256(content).hexdigest()[:12]
        return f"{ROOT}/static/{name}?v={digests[name]}"

    return asset
