import pytest
from tests.support.rebuilding import OPERATOR, VIEW

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.read_models.rules import Stage


def test_every_bucket_of_every_type_is_replayed(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)

    found = rebuild.next_work()

    names = [f"AIRPORT#{number:02d}" for number in range(16)]
    assert found == {
        "result": "work",
        "segments": [{"stage": "REPLAYING", "name": name} for name in names],
    }


def test_a_stage_whose_segments_have_ended_is_followed_by_the_next(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    for segment in rebuild.next_work()["segments"]:
        rebuild.work(segment)

    found = rebuild.next_work()

    assert {segment["stage"] for segment in found["segments"]} == {"COMPARING"}
    assert rebuild.service.get(VIEW).view.stage is Stage.COMPARING


def test_after_the_comparison_there_is_nothing_to_do(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    assert rebuild.next_work() == {"result": "done", "segments": []}


def test_an_attempt_that_is_overtaken_ends(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    event = rebuild.event("next_work")
    rebuild.service.resume(VIEW)

    with pytest.raises(SupersededError):
        rebuild.next_work(event)
