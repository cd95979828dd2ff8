"""template.yaml, read once: the functions, machines, routes and event sources it declares.

The runtime, the tests and the static checks all ask this module, so nothing of the template is
listed a second time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os.path import normpath
from pathlib import Path
from typing import Any, Final, Self

from sfn_cqrs_tools.runtime import translation
from sfn_cqrs_tools.runtime.cloudformation import Resolver, merged
from sfn_cqrs_tools.runtime.nesting import flattened
from sfn_local.lint.template_file import TemplateError, load_yaml
from sfn_local.words import unknown

__all__ = ["EventSource", "Function", "Machine", "Route", "Template", "TemplateError"]

DEFAULT_STACK: Final = "sfn-cqrs"

_FUNCTION: Final = "AWS::Serverless::Function"
_LAYER: Final = "AWS::Serverless::LayerVersion"
_MACHINE: Final = "AWS::Serverless::StateMachine"
_HTTP_API: Final = "AWS::Serverless::HttpApi"
_IMPLICIT_HTTP_API: Final = "ServerlessHttpApi"
_MOST_BYTES: Final = 4096  # of a function's environment
_SUBSTITUTION: Final = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


@dataclass(frozen=True)
class Function:
    """A Lambda function; `timeout` in seconds, `memory` in MiB.

    An asynchronous event that fails is tried again `event_retries` times.
    """

    logical_id: str
    name: str
    arn: str
    folder: Path
    handler: str
    timeout: float
    memory: int
    environment: Mapping[str, str]
    event_retries: int = 2
    alias: str = ""

    @property
    def target(self) -> str:
        """What its events call, as SAM connects them: its alias if it has one."""
        return f"{self.arn}:{self.alias}" if self.alias else self.arn


@dataclass(frozen=True)
class Machine:
    """A state machine and its ASL file."""

    logical_id: str
    name: str
    arn: str
    type: str
    path: Path
    substitutions: Mapping[str, str]

    @property
    def key(self) -> str:
        """Return the file's name without its extensions: `command`."""
        return self.path.name.removesuffix(".asl.json")

    @property
    def folder(self) -> str:
        """Its folder in functions/ and events/: `command`, also of `command-express`."""
        return self.key.removesuffix("-express").replace("-", "_")

    @cached_property
    def asl(self) -> dict[str, Any]:
        """Return the definition from the file, with its placeholders."""
        definition: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return definition

    @property
    def definition(self) -> str:
        """Return the definition's text with every placeholder replaced.

        Raises:
            TemplateError: a placeholder has no entry in DefinitionSubstitutions.
        """

        def replace(match: re.Match[str]) -> str:
            try:
                return self.substitutions[match[1]]
            except KeyError:
                raise TemplateError(
                    f"{self.path.name} uses ${{{match[1]}}}: add it to DefinitionSubstitutions"
                    f" of {self.logical_id}"
                ) from None

        return _SUBSTITUTION.sub(replace, self.path.read_text(encoding="utf-8"))

    def refusals(self) -> Iterator[str]:
        """Yield why Step Functions would refuse the definition: the file, the place, the reason."""
        from sfn_local.lint.validation import validate  # noqa: PLC0415 - slow to import

        try:
            wrong = validate(self.definition, self.type)["diagnostics"]
        except ValueError as error:  # it is not JSON
            yield f"{self.path.name}: {error}"
            return
        except TemplateError as error:
            yield str(error)
            return
        for one in wrong:
            yield f"{self.path.name}: {one.get('location', '')} {one['message']}"

    def states(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each state's name and body, those inside Map and Parallel too."""
        yield from _states(self.asl)

    def placeholder(self, state: str) -> str:
        """Return the name of the placeholder of a Task state's function.

        Raises:
            TemplateError: there is no such state, or it calls no function.
        """
        body = dict(self.states()).get(state)
        if body is None:
            raise TemplateError(unknown(f"state of {self.key}", state, dict(self.states())))
        named = body.get("Parameters", body.get("Arguments", {})).get("FunctionName")
        match = _SUBSTITUTION.search(named or body.get("Resource", ""))
        if match is None:
            raise TemplateError(f"the state {state} of {self.key} calls no function")
        return match[1]


@dataclass(frozen=True)
class Route:
    """One HttpApi event: `method` is upper-case or ANY, `path` may hold {name} and {proxy+}."""

    function: str
    method: str
    path: str
    has_authorizer: bool = True
    alias: str = ""

    @property
    def target(self) -> str:
        """What the API calls: the function, or its alias if it has one."""
        return f"{self.function}:{self.alias}" if self.alias else self.function


@dataclass(frozen=True)
class EventSource:
    """One entry of a function's Events, its properties resolved."""

    function: str
    name: str
    type: str
    properties: Mapping[str, Any]


class Template:
    """A SAM template with its parameters' values, as a stack of a given name would see it."""

    def __init__(
        self,
        document: dict[str, Any],
        root: Path,
        *,
        stack: str = DEFAULT_STACK,
        parameters: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Wrap a parsed template whose relative paths start at `root`.

        `parameters` override defaults; `names` says by logical id what resources are called
        where that is known.
        """
        self.document = flattened(document, root)
        self.root = root
        self.stack = stack
        self.overrides: Mapping[str, str] = parameters or {}
        self._resolver = Resolver(self.document, stack, parameters, names)
        self._by_type: dict[str, dict[str, dict[str, Any]]] = {}

    @classmethod
    def load(
        cls,
        path: Path | str = "template.yaml",
        *,
        stack: str = DEFAULT_STACK,
        parameters: Mapping[str, str] | None = None,
    ) -> Self:
        """Read the template at `path`.

        Raises:
            TemplateError: it is missing, malformed, or a parameter has no value.
        """
        path = Path(path).resolve()
        return cls(load_yaml(path), path.parent, stack=stack, parameters=parameters)

    def named(self, names: Mapping[str, str]) -> Template:
        """Return the same template with the names that its resources have got, by logical id."""
        return Template(
            self.document, self.root, stack=self.stack, parameters=self.overrides, names=names
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Return every parameter's value."""
        return self._resolver.parameters

    def resolve(self, value: Any) -> Any:
        """Evaluate the intrinsic functions inside `value`."""
        return self._resolver.resolve(value)

    def condition(self, name: str) -> bool:
        """Return whether a condition of the template holds."""
        return self._resolver.condition(name)

    def name(self, logical_id: str) -> str:
        """Return the physical name of a resource."""
        return self._resolver.name(logical_id)

    def arn(self, logical_id: str) -> str:
        """Return the ARN of a resource."""
        return self._resolver.arn(logical_id)

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Return every resource whose condition holds, unresolved, by logical id."""
        return {
            logical_id: resource
            for logical_id, resource in self.document.get("Resources", {}).items()
            if "Condition" not in resource or self._resolver.condition(resource["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties, Globals merged in and unresolved, of each resource of a type."""
        if kind not in self._by_type:
            self._by_type[kind] = self._merged(kind)
        return dict(self._by_type[kind])

    def _merged(self, kind: str) -> dict[str, dict[str, Any]]:
        defaults = self.document.get("Globals", {}).get(kind.rpartition("::")[2], {})
        is_sam = kind.startswith("AWS::Serverless::")
        return {
            logical_id: merged(defaults if is_sam else {}, resource.get("Properties", {}))
            for logical_id, resource in self.resources.items()
            if resource["Type"] == kind
        }

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Return every function by logical id."""
        return {
            logical_id: self._function(logical_id, properties)
            for logical_id, properties in self.of_type(_FUNCTION).items()
        }

    @cached_property
    def layers(self) -> list[Path]:
        """Return the folders of all layers, each once; functions import from them."""
        layers = self.of_type(_LAYER).values()
        folders = [(self.root / one["ContentUri"]).resolve() for one in layers]
        return list(dict.fromkeys(folders))

    @cached_property
    def machines(self) -> dict[str, Machine]:
        """Return every state machine by the name of its file: `command`."""
        machines = (
            self._machine(logical_id, properties)
            for logical_id, properties in self.of_type(_MACHINE).items()
        )
        return {machine.key: machine for machine in machines}

    def machine(self, key: str) -> Machine:
        """Return one machine.

        Raises:
            TemplateError: no machine has this name.
        """
        if key not in self.machines:
            raise TemplateError(unknown("machine", key, self.machines))
        return self.machines[key]

    def state_function(self, machine: str, state: str) -> Function:
        """Return the function that a state of a machine calls."""
        logical_id = self.machine(machine).placeholder(state)
        if logical_id not in self.functions:
            raise TemplateError(
                f"{state} calls {logical_id}, which is not a function of the template"
            )
        return self.functions[logical_id]

    @cached_property
    def environment(self) -> dict[str, str]:
        """Return the one environment of all functions.

        Raises:
            TemplateError: two functions want different values; in one process there is only one.
        """
        merged: dict[str, str] = {}
        for function in self.functions.values():
            for key, value in function.environment.items():
                if merged.setdefault(key, value) != value:
                    raise TemplateError(
                        f"{function.logical_id} sets {key} to another value than the other"
                        " functions: set it in Globals, the local functions share one process"
                    )
        return merged

    @cached_property
    def event_sources(self) -> list[EventSource]:
        """Return every entry of every function's Events."""
        return [
            EventSource(logical_id, name, event["Type"], self.resolve(event.get("Properties", {})))
            for logical_id, properties in self.of_type(_FUNCTION).items()
            for name, event in properties.get("Events", {}).items()
        ]

    @cached_property
    def routes(self) -> list[Route]:
        """Return every HttpApi event; one without a path is the API's $default route."""
        return [
            Route(
                source.function,
                str(source.properties.get("Method", "ANY")).upper().replace("X-AMAZON-", ""),
                str(source.properties.get("Path", "$default")),
                source.properties.get("Auth", {}).get("Authorizer") != "NONE",
                self.of_type(_FUNCTION)[source.function].get(translation.ALIAS, ""),
            )
            for source in self.event_sources
            if source.type == "HttpApi"
        ]

    @cached_property
    def cors(self) -> dict[str, Any]:
        """Return the HTTP API's CorsConfiguration, resolved; empty where CORS is off."""
        apis = self.of_type(_HTTP_API) or {
            _IMPLICIT_HTTP_API: self.document.get("Globals", {}).get("HttpApi", {})
        }
        for api in apis.values():
            resolved = self.resolve({"Cors": api.get("CorsConfiguration", {})})
            configured = resolved.get("Cors")  # AWS::NoValue removes the key
            if configured:
                return {"AllowOrigins": ["*"]} if configured is True else dict(configured)
        return {}

    def translate(self, *, without: str = "") -> dict[str, Any]:
        """Return the plain CloudFormation template that SAM makes of this one, offline.

        Code and layers refer to a bucket that does not exist; definitions are inline.
        Resources whose type begins with `without` are left out, and references to them resolved.

        Raises:
            TemplateError: SAM refuses the template.
        """
        plain = translation.translate(self.document, self.root, self.parameters)
        return translation.without(without, plain, self.resolve) if without else plain

    def _function(self, logical_id: str, properties: dict[str, Any]) -> Function:
        own = {key: value for key, value in properties.items() if key not in {"Events", "Policies"}}
        resolved = self.resolve({**own, "Layers": []})
        variables = resolved.get("Environment", {}).get("Variables", {})
        environment = {key: str(value) for key, value in variables.items()}
        _check_size(logical_id, environment)
        retries = resolved.get("EventInvokeConfig", {})
        return Function(
            logical_id=logical_id,
            name=self.name(logical_id),
            arn=self.arn(logical_id),
            folder=Path(normpath(self.root / resolved["CodeUri"])),
            handler=resolved["Handler"],
            timeout=float(resolved.get("Timeout", 3)),
            memory=int(resolved.get("MemorySize", 128)),
            environment=environment,
            event_retries=int(retries.get("MaximumRetryAttempts", 2)),
            alias=resolved.get(translation.ALIAS, ""),
        )

    def _machine(self, logical_id: str, properties: dict[str, Any]) -> Machine:
        return Machine(
            logical_id=logical_id,
            name=self.name(logical_id),
            arn=self.arn(logical_id),
            type=self.resolve(properties.get("Type", "STANDARD")),
            path=Path(normpath(self.root / properties["DefinitionUri"])),
            substitutions=self.resolve(properties.get("DefinitionSubstitutions", {})),
        )


def _check_size(logical_id: str, environment: Mapping[str, str]) -> None:
    """Refuse what Lambda refuses; its error shows that it measures JSON."""
    size = len(json.dumps(environment, separators=(",", ":"), ensure_ascii=False).encode())
    if size > _MOST_BYTES:
        raise TemplateError(
            f"{logical_id}: its environment has {size:,} bytes as JSON, and Lambda takes"
            f" {_MOST_BYTES:,}: make values shorter, or leave variables out"
        )


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, body in machine.get("States", {}).items():
        yield name, body
        inner = [body.get("ItemProcessor") or body.get("Iterator") or {}, *body.get("Branches", [])]
        for one in inner:
            yield from _states(one)
