"""What may happen to the functions, streams and queues of the whole stack."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, redirect_stdout
from io import StringIO
from typing import Any, Self

from botocore.exceptions import ClientError
from tests.drills.cloudwatch import MINUTE, CloudWatch
from tests.support.calls import AwsCall
from tests.support.import_system import a_line
from tests.support.system import API, ASYNC_ATTEMPTS, SWEEPS, TICK
from tests.support.whole_system import WholeSystem

from sfn_cqrs.kernel.sql import failure_metrics as sql_failures
from sfn_cqrs.kernel.sql.sql import Scalar, Sql, SqlBusyError, Transaction
from sfn_cqrs_tools.runtime.weather import REFUSALS
from sfn_local import FunctionError

Payload = dict[str, Any]
POSTPONING = ("ChangeMessageVisibilityBatch", "SendMessage")
"""What a consumer does so that a message comes again, or lies in dead letters."""


class Database(Sql):
    """PostgreSQL, which takes whatever it is given unless it is lost."""

    def __init__(self, is_lost: Callable[[], bool]) -> None:
        self._is_lost = is_lost
        self.on_failure = sql_failures.tell

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise NotImplementedError

    def _run(self, _statement: str, _parameters: Mapping[str, Scalar]) -> int:
        if self._is_lost():
            raise SqlBusyError("lost the connection")
        return 1

    def _texts(self, query: str, parameters: Mapping[str, Scalar]) -> list[str]:
        self._run(query, parameters)
        return []


class Stack(WholeSystem):
    """The whole system, whose metrics are told to a CloudWatch; it sweeps when it is told to.

    Until their second, `busy` functions are throttled by whatever they call, `refused` ones by
    Lambda, and `broken` ones raise. Until `lost_until` nobody reaches PostgreSQL. `api_asked` is
    the API that requests come by.
    """

    def __init__(self) -> None:
        super().__init__(variables={"POSTGRES": "another, which is among the parts"})
        self.watch = CloudWatch()
        self.lost_until = 0.0
        self.busy: dict[str, float] = {}
        self.refused: dict[str, float] = {}
        self.broken: dict[str, float] = {}
        self.waits: dict[str, dict[str, list[float]]] = {}
        self.dead: Counter[str] = Counter()
        self.fault_at: float | None = None
        self.api_asked = "HttpApi"
        self._swept_at = float("inf")
        self.calls.observers.append(self._throttle)
        self.lambdas.invoke = self._metered(self.lambdas.invoke)  # type: ignore[method-assign]
        self.engine.on_status_change.append(self._tell)

    def __enter__(self) -> Self:
        super().__enter__()
        random.seed(7)  # of the jitter
        return self

    def parts(self) -> dict[str, Any]:
        database = Database(lambda: self.clock.time() < self.lost_until)
        return {**super().parts(), "sql": database}

    # Faults.

    def _meets(self, fault: dict[str, float], function: str | None) -> bool:
        return self.clock.time() < fault.get(function or "", 0.0)

    def _throttle(self, call: AwsCall, moment: str) -> None:
        if (
            moment == "before"
            and self._meets(self.busy, call.function)
            and call.operation not in POSTPONING
        ):
            answer: Any = {"Error": {"Code": "ThrottlingException"}}
            raise ClientError(answer, call.operation)

    def calm(self) -> None:
        """No fault any more; what is left is done."""
        self.fault_at = None
        self.lost_until = 0.0
        for fault in (self.busy, self.refused, self.broken):
            fault.clear()
        self.run()

    # What AWS tells CloudWatch.

    def put(self, namespace: str, metric: str, value: float = 1.0, **dimensions: str) -> None:
        self.watch.put(self.clock.time(), namespace, metric, value, **dimensions)

    def _metered(self, invoke: Callable[[str, bytes], bytes]) -> Callable[[str, bytes], bytes]:
        def metered(name: str, payload: bytes) -> bytes:
            function = self.lambdas.find(name)
            records = json.loads(payload).get("Records", [])
            self._tell_age(function.name, records)
            if self._meets(self.refused, function.logical_id):
                self.put("AWS/Lambda", "Throttles")
                raise FunctionError(REFUSALS[0], "{}")
            answer = self._invoked(function.name, invoke, name, payload)
            if function.logical_id == API:
                asked = self.template.resolve({"Ref": self.api_asked})
                self.put("AWS/ApiGateway", "Count", ApiId=asked)
                if json.loads(answer)["statusCode"] >= 500:
                    self.put("AWS/ApiGateway", "5xx", ApiId=asked)
            return answer

        return metered

    def _invoked(
        self, function: str, invoke: Callable[[str, bytes], bytes], name: str, payload: bytes
    ) -> bytes:
        new = {"Resource": f"{function}:live", "ExecutedVersion": "1"}
        self.put("AWS/Lambda", "Invocations", FunctionName=function, **new)
        try:
            if self._meets(self.broken, self.lambdas.find(name).logical_id):
                raise FunctionError("ValueError", "{}")
            return self._listening(invoke, name, payload)
        except FunctionError:
            self.put("AWS/Lambda", "Errors", FunctionName=function)
            self.put("AWS/Lambda", "Errors", FunctionName=function, **new)
            raise

    def _listening(self, invoke: Callable[[str, bytes], bytes], name: str, payload: bytes) -> bytes:
        """Invoke a function, and take the metrics that it prints."""
        text = StringIO()
        try:
            with redirect_stdout(text):
                return invoke(name, payload)
        finally:
            for line in text.getvalue().splitlines():
                self._take(json.loads(line))

    def _take(self, said: Payload) -> None:
        for group in said["_aws"]["CloudWatchMetrics"]:
            (names,), (metric,) = group["Dimensions"], group["Metrics"]
            dimensions = {name: said[name] for name in names}
            self.put(group["Namespace"], metric["Name"], *said[metric["Name"]], **dimensions)

    def _tell_age(self, function: str, records: list[Payload]) -> None:
        written = [
            each["dynamodb"]["ApproximateCreationDateTime"]
            for each in records
            if "dynamodb" in each
        ]
        if written:
            late = 1000 * (self.clock.time() - written[-1])
            self.put("AWS/Lambda", "IteratorAge", late, FunctionName=function)

    def _tell(self, execution: Payload) -> None:
        arn = execution["stateMachineArn"]
        ended = {
            "RUNNING": "ExecutionsStarted",
            "SUCCEEDED": "ExecutionsSucceeded",
            "FAILED": "ExecutionsFailed",
            "TIMED_OUT": "ExecutionsTimedOut",
            "ABORTED": "ExecutionsAborted",
        }[execution["status"]]
        self.put("AWS/States", ended, StateMachineArn=arn)
        if execution["status"] != "RUNNING":
            taken = execution["stopDate"] - execution["startDate"]
            ms = 1000 * taken.total_seconds()
            self.put("AWS/States", "ExecutionTime", ms, StateMachineArn=arn)

    def consume(self, queue: str, function: str) -> bool:
        """As ever; and each message is known from when it comes until it is gone."""
        receives = self.template.of_type("AWS::SQS::Queue")[queue]["RedrivePolicy"]
        was = super().consume(queue, function)
        known = self.waits.setdefault(queue, {})
        now = self.clock.time()
        hidden = {each.message["MessageId"]: each for each in self._hidden.get(queue, ())}
        for id_ in hidden:
            known.setdefault(id_, [now])
        for id_, times in known.items():
            if id_ not in hidden and len(times) == 1:
                times.append(now)
                if self._meets(self.refused, function):
                    self._buried(receives["deadLetterTargetArn"]["Fn::GetAtt"][0])
        return was

    def _try(self, function: str, payload: bytes) -> None:
        for _ in range(ASYNC_ATTEMPTS):
            if not isinstance(self._answer(function, payload), FunctionError):
                return
        config = self.template.of_type("AWS::Serverless::Function")[function]["EventInvokeConfig"]
        queue = config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        self.put("AWS/SQS", "NumberOfMessagesSent", QueueName=self.template.name(queue))
        self._buried(queue)

    def _buried(self, queue: str) -> None:
        self.dead[queue] += 1
        name = self.template.name(queue)
        self.put("AWS/SQS", "ApproximateNumberOfMessagesVisible", self.dead[queue], QueueName=name)

    def tell_queues(self) -> None:
        """Tell how long messages have waited, minute by minute, and what functions have buried."""
        for queue, known in self.waits.items():
            for come, *gone in known.values():
                minutes = range(0, int((gone or [self.clock.time()])[0] - come), MINUTE)
                for age in minutes:
                    self.watch.put(
                        come + age,
                        "AWS/SQS",
                        "ApproximateAgeOfOldestMessage",
                        age,
                        QueueName=self.template.name(queue),
                    )
        self.waits.clear()
        for queue in self.template.of_type("AWS::SQS::Queue"):
            if queue.endswith("DeadLetterQueue") and self.receive(queue):
                self._buried(queue)

    def sweep_all(self, period: float = MINUTE) -> None:
        """Run every sweep and what it has set off; then the rest of a period passes."""
        until = self.clock.time() + period
        self.tell_sweeps()
        self.run()
        self.engine.run_for(max(0.0, until - self.clock.time()))

    def tell_sweeps(self) -> None:
        """Run every sweep."""
        for sweep in SWEEPS:
            self._try(sweep, json.dumps(TICK).encode())

    # Work.

    def work(self, nth: int = 0) -> None:
        """Something of each kind, all of which ends well."""
        self.stock(key=f"s{nth}")
        self.order(f"o-{nth}")
        self.run()
        self.remind("a@x.org", "a@x.org")
        self.remind("a@x.org", is_single=True)
        self.buy(f"b-{nth}")
        id_ = self.ask_release(f"o-{nth}")
        rows = a_line("RJAA", f"Narita {nth}"), a_line("RJTT", f"Haneda {nth}")
        self.import_file(*rows)
        self.import_row()
        self.import_archive(*rows)
        self.run()
        self.decide(id_, "approve")
        self.run()
