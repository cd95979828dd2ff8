from sfn_cqrs_tools.runtime.traces import TraceFile


def test_segments_that_cannot_be_written_are_lost_and_those_after_them_kept(tmp_path):
    kept = TraceFile(tmp_path / "removed" / "traces.jsonl")

    kept.append(['{"id": "1"}'])
    (tmp_path / "removed").mkdir()
    kept.append(['{"id": "2"}'])

    assert [one["id"] for one in kept.segments()] == ["2"]
