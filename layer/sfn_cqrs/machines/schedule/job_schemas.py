"""What is asked of jobs, and the answers about them."""

from sfn_cqrs.kernel.http.shapes import page_of, record
from sfn_cqrs.kernel.http.values import COUNT, MOMENT, TEXT, VERSION, by_rule, of, one_of
from sfn_cqrs.machines.command.process import Outcome

JOB = record(
    "ScheduledJob",
    {
        "job": of("job.type", {**TEXT, "description": "its name, and the type of its item"}),
        "status": one_of("NEW", "RUNNING", "PAUSED"),
        "cron": of("job.calendar.cron", TEXT),
        "every": of("job.calendar.every", {**COUNT, "description": "seconds, without a cron"}),
        "zone": of("job.calendar.zone", TEXT),
        "missed": of("job.missed", one_of("last", "all", "none")),
        "upcoming": {
            "type": "array",
            "items": MOMENT,
            "description": "its next occurrences; none while it is paused",
        },
    },
    optional={
        "last": {**MOMENT, "description": "the occurrence that came last"},
        "version": {**VERSION, "description": "the latest of its item"},
        "outcome": {**one_of(*Outcome), "description": "that of this version"},
    },
)
JOBS = page_of(JOB)
RUN = record(
    "RunJob",
    {},
    optional={
        "from": by_rule({**MOMENT, "description": "run the occurrences from this moment"}),
        "until": by_rule({**MOMENT, "description": "until before this one, of the past"}),
    },
)
