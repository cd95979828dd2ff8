"""The table of drills: alarm, fault injected, fired after."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil

from tests.drills import machines, scenes
from tests.drills.cloudwatch import MINUTE, Alarm
from tests.drills.scenes import FOR_GOOD, Scene, broken, busy, play, refused
from tests.drills.stack import Stack
from tests.support.places import EXAMPLE as PROJECT
from tests.support.system import PARAMETERS, silent

from sfn_cqrs_tools.runtime.template import Template

EVERYTHING = {
    **PARAMETERS,
    "Postgres": "aurora",
    **dict.fromkeys(("ExpressLane", "MachineApi", "Live", "ImportOnUpload"), "enabled"),
    "CanaryDeploys": "enabled",
}
EXAMPLE = "command"
HEADER = "| alarm | fault injected | fires after |\n|---|---|---|\n"


@dataclass(frozen=True)
class Row:
    """What one fault does to one alarm; `after` is in minutes, None: it does not fire."""

    alarm: str
    fault: str
    after: int | None

    def __str__(self) -> str:
        unit = "minute" if self.after == 1 else "minutes"
        return f"| {self.alarm.removesuffix('Alarm')} | {self.fault} | {self.after} {unit} |"


@cache
def template() -> Template:
    """The example's template, with the framework's inside it and all its parts switched on."""
    return Template.load(PROJECT / "template.yaml", parameters=EVERYTHING)


def alarms() -> dict[str, Alarm]:
    """Every alarm of the template, conditional ones too."""
    return {
        name: Alarm(name, template().resolve(properties))
        for name, properties in template().of_type("AWS::CloudWatch::Alarm").items()
    }


@dataclass
class Drills:
    """The scenes that have been played, each once, in one stack."""

    stack: Stack
    played: dict[tuple[str, str], Scene] = field(default_factory=dict)

    def rows(self, alarm: Alarm) -> Iterator[Row]:
        """Drill an alarm.

        Raises:
            LookupError: nothing is known to make it fire.
        """
        _, value = alarm.dimension
        metric = alarm.metric["MetricName"]
        if metric in machines.FAULTS:
            yield from self._of_machines(alarm, metric)
            return
        for scene in self._scenes(alarm, metric, value):
            looks = alarm.told if "AlarmActions" in alarm.properties else alarm.changes
            seen = looks(self.stack.watch, scene.begin, scene.end)
            fired = [at for at, state in seen if state == scene.tells]
            yield Row(alarm.name, scene.fault, _minutes(fired, scene.since))

    def _of_machines(self, alarm: Alarm, metric: str) -> Iterator[Row]:
        """A row for each machine that an alarm looks at; it may look at the account."""
        arns = {value for _, value in alarm.dimensions}
        watched = {name: each for name, each in template().machines.items() if each.arn in arns}
        watched = watched or {EXAMPLE: template().machines[EXAMPLE]}
        fault, inject = machines.FAULTS[metric]
        for name, machine in watched.items():
            region = inject(machine)
            end = region.engine.clock.time() + 10 * MINUTE
            fired = [at for at, _ in alarm.told(region.watch, region.begin, end)]
            which = fault if len(watched) == 1 else fault.replace("the machine", name)
            yield Row(alarm.name, which, _minutes(fired, region.begin))

    def _scenes(self, alarm: Alarm, metric: str, value: str) -> list[Scene]:
        """What makes an alarm fire, by its metric and whose it is."""
        if metric in WAYS:
            return WAYS[metric](self, value)
        if not metric.startswith("Oldest"):
            raise LookupError(f"{alarm.name} has no drill: say in {__name__} how {metric} rises")
        found = [self.play(scenes.NOTHING_STARTS)]
        if "InsufficientDataActions" in alarm.properties:
            swept = self.play(scenes.SWEEPS_FAIL)
            found.append(replace(swept, tells="INSUFFICIENT_DATA"))
        return found

    def play(self, scene: Scene, of: str = "") -> Scene:
        """The scene as it was played, of a function; each is once."""
        key = scene.fault, of
        if key not in self.played:
            play(self.stack, scene)
            self.played[key] = scene
        return self.played[key]

    def refused(self, function: str, seconds: float = scenes.REFUSED) -> Scene:
        """Lambda refuses a consumer."""
        return self.play(refused(function, seconds), function)

    def buries(self, letters: str) -> Scene:
        """The scene that leaves something in dead letters, by whose they are."""
        for queue, properties in template().of_type("AWS::SQS::Queue").items():
            target = properties.get("RedrivePolicy", {}).get("deadLetterTargetArn")
            if target == {"Fn::GetAtt": [letters, "Arn"]}:
                return self.refused(self.consumer(queue), FOR_GOOD)
        for name, properties in template().of_type("AWS::Serverless::Function").items():
            config = properties.get("EventInvokeConfig", {}).get("DestinationConfig", {})
            if config.get("OnFailure", {}).get("Destination") == {"Fn::GetAtt": [letters, "Arn"]}:
                return self.play(_caller(name))
        return self.play(scenes.NO_ITEM)

    def failing(self, function: str, seconds: float = scenes.BUSY) -> Scene:
        """A consumer fails."""
        fails = busy if function not in scenes.CALL_NOTHING else broken
        return self.play(fails(function, seconds), function)

    def lags(self, function: str) -> list[Scene]:
        """A stream's consumer does not run, and does not end well."""
        return [self.refused(function), self.failing(function)]

    def waits(self, function: str) -> list[Scene]:
        """A queue's consumer does not run, and does not end well."""
        return [self.refused(function, FOR_GOOD), self.failing(function, scenes.LONG)]

    def function(self, name: str) -> str:
        """A function's logical id."""
        return self.stack.lambdas.find(name).logical_id

    def queue(self, name: str) -> str:
        """A queue's logical id."""
        queues = template().of_type("AWS::SQS::Queue")
        return next(each for each in queues if template().name(each) == name)

    def api(self, id_: str) -> str:
        """An API's logical id."""
        apis = ("HttpApi", "MachineHttpApi")
        return next(each for each in apis if template().resolve({"Ref": each}) == id_)

    def consumer(self, queue: str) -> str:
        """Who takes a queue's messages."""
        return self.stack.queues[queue]


def _caller(function: str) -> Scene:
    rare = {
        scenes.UPLOADED: scenes.UPLOADS_FAIL,
        scenes.SUBSCRIBED: scenes.SUBSCRIBING_FAILS,
        scenes.RELEASED: scenes.RELEASE_FAILS,
    }
    return rare.get(function, scenes.SWEEPS_FAIL)


WAYS: dict[str, Callable[[Drills, str], list[Scene]]] = {
    "IteratorAge": lambda drills, name: drills.lags(drills.function(name)),
    "Errors": lambda drills, name: [drills.play(_caller(drills.function(name)))],
    "ApproximateAgeOfOldestMessage": lambda drills, name: drills.waits(
        drills.consumer(drills.queue(name))
    ),
    "ApproximateNumberOfMessagesVisible": lambda drills, name: [drills.buries(drills.queue(name))],
    "NumberOfMessagesSent": lambda drills, name: [drills.buries(drills.queue(name))],
    "Throttles": lambda drills, _: [drills.refused("StreamOnProcessChangedFunction")],
    "AuditFindings": lambda drills, _: [drills.play(scenes.DAMAGED)],
    "OldestUnrepairedSeconds": lambda drills, _: [drills.play(scenes.UNREPAIRED)],
    "5xx": lambda drills, name: [drills.play(scenes.api_fails(drills.api(name)), name)],
    "Latency": lambda drills, _: [drills.play(scenes.API_IS_SLOW)],
    "4xx": lambda drills, _: [drills.play(scenes.API_REFUSES)],
    "WriteThrottleEvents": lambda drills, _: [drills.play(scenes.TABLE_IS_BUSY)],
    "ACUUtilization": lambda drills, _: [drills.play(scenes.AURORA)],
    "SqlFailures": lambda drills, _: [drills.play(scenes.LOST)],
}
"""By the metric that an alarm reads: the scenes in which it rises, of a dimension's value."""


def _minutes(fired: list[float], since: float) -> int | None:
    return ceil((fired[0] - since) / MINUTE) if fired else None


def drilled() -> list[Row]:
    """Every row of the table."""
    with silent(), Stack() as stack:
        drills = Drills(stack)
        return [row for alarm in alarms().values() for row in drills.rows(alarm)]


def quiet(hours: int) -> list[str]:
    """The alarms that tell somebody on a day of good work, from the first deploy on."""
    with silent(), Stack() as stack:
        begin = stack.clock.time()
        stack.sweep_all()
        for nth in range(hours):
            stack.work(nth)
            for _ in range(12):
                stack.sweep_all(5 * MINUTE)
        stack.tell_queues()
        end = stack.clock.time()
        return [
            name for name, alarm in alarms().items() if any(alarm.told(stack.watch, begin, end))
        ]
