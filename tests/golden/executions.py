"""Interrupts an execution and keeps what it needs; begins it again and lets today's code go on."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from tests.golden.flows import Flow, Place
from tests.support.system import ROOT
from tests.support.whole_system import WholeSystem

from sfn_cqrs.machines.command.state import RUN_DIGITS
from sfn_local import Done, FunctionError

FOLDER = Path(__file__).parent
Answer = dict[str, Any]


@dataclass
class Golden:
    """One execution that was interrupted at its place.

    `answers` are those of its functions until then, each with its state; `tables` and `objects`
    what there was, by logical id; `path` the states that it entered from its start to its end.
    """

    place: Place
    definition: dict[str, Any]
    name: str
    input: str
    at: float
    answers: list[tuple[str, Answer]]
    token: str | None
    tables: dict[str, list[dict[str, Any]]]
    objects: dict[str, list[dict[str, str]]]
    path: list[str]
    status: str

    @classmethod
    def read(cls, flow: Flow) -> Self:
        """Read what is kept of a flow."""
        kept = json.loads((FOLDER / f"{flow}.json").read_text(encoding="utf-8"))
        return cls(**{**kept, "place": Place(*kept["place"])})

    def write(self, flow: Flow) -> None:
        """Keep it."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True)
        text = text.replace(f"{ROOT}/", "")  # in the tracebacks of what has failed
        (FOLDER / f"{flow}.json").write_text(text + "\n", encoding="utf-8")


class _System(WholeSystem):
    def __init__(self, place: Place, **more: Any) -> None:
        super().__init__(**more)
        self.place = place
        self.kept = self.template.machines[place.machine]
        self.arrived = False

    @property
    def execution(self) -> dict[str, Any]:
        """The only execution of the machine that has been interrupted."""
        listed = self.engine.list_executions(self.kept.arn)
        return self.engine.describe_execution(listed[-1]["executionArn"])

    @property
    def path(self) -> list[str]:
        """The states that it has entered."""
        return self.path_of(self.execution)

    def end(self, flow: Flow) -> None:
        """Let the execution go on until it has ended."""
        self.run()
        flow.go_on(self)
        self.until(lambda: self.execution["status"] != "RUNNING")

    def _state_of(self, function: str, payload: bytes) -> str | None:
        """The state of the machine that calls a function, if one does."""
        context = json.loads(payload).get("context")
        state = context["State"]["Name"] if context else None
        if state is None or state not in dict(self.kept.states()):
            return None
        called = self.lambdas.find(function).logical_id
        return state if self.kept.placeholder(state) == called else None

    def _buckets(self) -> Iterator[tuple[str, Any]]:
        for logical_id in self.template.of_type("AWS::S3::Bucket"):
            name = self.template.name(logical_id)
            yield logical_id, s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_bucket(name)


class Interrupted(_System):
    """Runs today's code to a place, and keeps what there is.

    Commands run in the standard machine: what the express lane runs has ended before an update.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place, express=None)
        self._answers: list[tuple[str, Answer]] = []
        self._golden: Golden | None = None

    def record(self, flow: Flow) -> Golden:
        """Play a flow; answers what has been kept of it."""
        flow.begin(self)
        self.end(flow)
        assert self._golden is not None, f"{self.place} was not reached"
        self._golden.path, self._golden.status = self.path, self.execution["status"]
        return self._golden

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        state = self._state_of(function, payload)
        if state is None or self.arrived:
            super().submit(function, payload, done)
            return
        if state != self.place.state:
            super().submit(function, payload, lambda answer: done(self._heard(state, answer)))
            return
        self.arrived = True
        token = json.loads(payload).get("taskToken")
        if token is None:
            self._golden = self._keep(token)
            super().submit(function, payload, done)
        else:
            super().submit(function, payload, done)
            self._golden = self._keep(token)

    def _heard(self, state: str, answer: bytes | FunctionError) -> bytes | FunctionError:
        said = (
            {"error": answer.error, "cause": answer.cause}
            if isinstance(answer, FunctionError)
            else {"result": json.loads(answer)}
        )
        self._answers.append((state, said))
        return answer

    def _keep(self, token: str | None) -> Golden:
        execution = self.execution
        tables = {
            logical_id: self.items(logical_id)
            for logical_id in self.template.of_type("AWS::DynamoDB::Table")
        }
        objects = {
            logical_id: [
                {
                    "key": key.name,
                    "version": key.version_id,
                    "body": b64encode(key.value).decode(),
                }
                for key in bucket.keys.values()
            ]
            for logical_id, bucket in self._buckets()
        }
        return Golden(
            place=self.place,
            definition=self.kept.asl,
            name=execution["name"],
            input=execution["input"],
            at=self.clock.time(),
            answers=list(self._answers),
            token=token,
            tables={name: items for name, items in tables.items() if items},
            objects={name: found for name, found in objects.items() if found},
            path=[],
            status="",
        )


def _claim(arn: str) -> str:
    """What a run of an execution claims its attempt with."""
    return sha256(arn.encode()).hexdigest()[:RUN_DIGITS]


class Continued(_System):
    """Begins a kept execution on its own definition; from its place on, today's functions run."""

    def __init__(self, golden: Golden) -> None:
        super().__init__(golden.place)
        self.golden = golden
        self._answers = list(golden.answers)

    def go_on(self, flow: Flow) -> None:
        """Let it run to its end."""
        golden = self.golden
        text = json.dumps(golden.definition)
        for name, value in self.kept.substitutions.items():
            text = text.replace(f"${{{name}}}", value)
        self.clock.move_to(golden.at)
        self._put_objects()
        self.engine.update_state_machine(self.kept.arn, text)
        self.engine.start_execution(self.kept.arn, golden.name, golden.input)
        self.engine.run_until_idle()
        assert self.arrived, f"it came to {self.path}"
        self.end(flow)

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        state = self._state_of(function, payload)
        if state is None or self.arrived:
            super().submit(function, payload, done)
        elif self._answers:
            kept, answer = self._answers.pop(0)
            assert kept == state
            if "error" in answer:
                done(FunctionError(answer["error"], answer["cause"]))
            else:
                done(json.dumps(answer["result"]).encode())
        else:
            self._arrive(function, payload, done)

    def _arrive(self, function: str, payload: bytes, done: Done) -> None:
        self.arrived = True
        token = json.loads(payload).get("taskToken")
        kept = json.dumps(self.golden.tables)
        if token is not None and self.golden.token is not None:
            kept = kept.replace(json.dumps(self.golden.token)[1:-1], json.dumps(token)[1:-1])
        arn = self.execution["executionArn"]
        alone = arn.replace(self.kept.name, f"sfn-cqrs-{self.kept.key}")  # of a stack of its own
        kept = kept.replace(_claim(alone), _claim(arn))
        for logical_id, items in json.loads(kept).items():
            for item in items:
                self.clients["dynamodb"].put_item(
                    TableName=self.template.name(logical_id), Item=item
                )
        self.forget_written()  # which the streams told of yesterday
        if self.golden.token is None:
            super().submit(function, payload, done)
        else:
            done(b"null")  # what yesterday's function did lies in the tables

    def _put_objects(self) -> None:
        for logical_id, bucket in self._buckets():
            for kept in self.golden.objects.get(logical_id, ()):
                body = b64decode(kept["body"])
                self.clients["s3"].put_object(Bucket=bucket.name, Key=kept["key"], Body=body)
                bucket.keys[kept["key"]]._version_id = kept["version"]
