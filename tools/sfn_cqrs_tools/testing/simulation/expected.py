"""What has to become of a scene: each version once, in order, on a quiet day."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import seed as seed_chance

from sfn_cqrs.errors import TransientError
from sfn_cqrs.kernel.errors import SyncHandlerError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.testing.simulation.calls import BrokenError
from sfn_cqrs_tools.testing.simulation.play import Playing, Stage, on_stage
from sfn_cqrs_tools.testing.simulation.scene import Rows, Scene, counted, fold, rows_of


def expected(stage: Stage, scene: Scene) -> Scene:
    """Return the scene with what is expected of it; each tenant is played alone.

    Raises:
        BrokenError: a handler fails even so.
    """
    rows: dict[str, Rows] = {}
    outside: Counter[str] = Counter()
    counts: dict[ItemKey, int] = {}
    for tenant in scene.tenants:
        with on_stage(stage, scene) as world:
            _fold(Playing(stage, scene, world, None), tenant)
            rows[tenant] = rows_of(world.dynamodb, tenant)
            outside += stage.outside
            every = counted(world.dynamodb)
            counts |= {key: every[key] for key in every if key.tenant == tenant}
    return replace(scene, rows=rows, outside=outside, counts=counts)


def _fold(playing: Playing, tenant: str) -> None:
    own = [one for one in playing.scene.versions if one[0].tenant == tenant]
    seed_chance(0)
    try:
        fold(own, handlers.names_of, lambda: list(playing.stream()))
    except (SyncHandlerError, TransientError) as error:
        raise BrokenError("quiet", f"a handler fails:\n  {error}") from error
