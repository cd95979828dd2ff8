"""work_on_segment: replay, compare or delete page by page, as long as there is time."""

from sfn_cqrs.kernel.read_models.rules import Stage
from sfn_cqrs.machines.rebuild import programs as rebuild_programs
from sfn_cqrs.machines.rebuild.state import RebuildState, rebuild_state

RESERVED_MS = 120_000
"""A page whose every handler is slow or busy takes no longer."""


@rebuild_state
def lambda_handler(state: RebuildState) -> dict[str, object]:
    """Continue a segment; return "more" if the time is over before its end.

    Raises:
        SupersededError: another attempt owns the read model, or somebody has cancelled it.
        TransientError: a target stays busy; the machine tries again.
    """
    stage, name = str(state.input["stage"]), str(state.input["name"])
    program = rebuild_programs.work(
        state.ref.attempt, Stage(stage), name, lambda: state.remaining_ms() < RESERVED_MS
    )
    is_done = state.flow.run(program)
    return {"stage": stage, "name": name, "result": "done" if is_done else "more"}
