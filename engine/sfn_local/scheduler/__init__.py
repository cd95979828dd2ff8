"""Runs coroutines without a thread for each.

A Strand is a coroutine that waits for items of Channels, and for nothing else; while it waits it
costs only its frames. Jobs are plain callables: the next step of a strand, a function call, a
notification. ThreadScheduler runs them on one thread of its own; ManualScheduler runs them when
told to, in an order that a seed decides, and moves a virtual clock from timer to timer.
"""

from sfn_local.scheduler.base import Scheduler
from sfn_local.scheduler.manual import ManualScheduler
from sfn_local.scheduler.strands import Channel, Pending, Strand
from sfn_local.scheduler.threaded import ThreadScheduler
from sfn_local.scheduler.timers import Timer

__all__ = [
    "Channel",
    "ManualScheduler",
    "Pending",
    "Scheduler",
    "Strand",
    "ThreadScheduler",
    "Timer",
]
