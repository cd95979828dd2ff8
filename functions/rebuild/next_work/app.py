"""next_work: which segments are left; the stage whose segments have all ended is ended here."""

from sfn_cqrs.machines.rebuild import programs as rebuild_programs
from sfn_cqrs.machines.rebuild.state import RebuildState, rebuild_state


@rebuild_state
def lambda_handler(state: RebuildState) -> dict[str, object]:
    """Answer the segments of the stage that the read model is at; none: the attempt is done.

    Raises:
        SupersededError: another attempt owns the read model, or somebody has cancelled it.
    """
    stage, names = state.flow.run(rebuild_programs.next_work(state.ref.attempt))
    segments = [{"stage": str(stage), "name": name} for name in names]
    return {"result": "work" if segments else "done", "segments": segments}
