import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.functions.context import StepFunctionsContext, sfn_handler
from sfn_cqrs.machines.command.state import BegunState


def test_the_context_object_is_read(sample):
    context = StepFunctionsContext.from_event(sample("command/wait_prev_command"))

    assert context.execution.name == "c-r4vfjsbaiomhgmiqb3bxnjrtpl-v2-a1"
    assert context.execution.input["code"] == "NRT"
    assert context.execution.start_time == "2026-11-25T08:00:00.412Z"
    assert (context.state.name, context.state.retry_count) == ("wait_prev_command", 0)
    assert context.state_machine.name == "sfn-cqrs-command"
    assert context.task_token == "AAAA-sample-task-token-that-opens-nothing"
    assert context.map_item is None


def test_the_item_of_a_map_is_read(sample):
    context = StepFunctionsContext.from_event(sample("command/sync_data"))

    assert context.map_item == {"Index": 0, "Value": "airports_by_country"}
    assert context.task_token is None


def test_the_token_does_not_show_where_the_context_is_printed(sample):
    context = StepFunctionsContext.from_event(sample("command/wait_prev_command"))

    assert "AAAA-sample" not in repr(context)


def test_a_custom_machines_function_is_given_its_input_and_its_context(sample):
    handler = sfn_handler(lambda state_input, context: [state_input, context.state.name])

    assert handler(sample("command/sync_data"), None) == ["airports_by_country", "sync_data"]


@pytest.mark.parametrize("part", ["Execution", "State", "StateMachine"])
def test_a_payload_of_another_shape_is_refused_with_what_it_lacks(part, sample):
    event = sample("command/finish")
    del event["context"][part]

    with pytest.raises(InvalidInputError, match=f"event: lacks '{part}'; a state sends"):
        StepFunctionsContext.from_event(event)


def test_a_state_that_writes_no_status_has_no_process_of_its_own(sample):
    context = StepFunctionsContext.from_event(sample("command/sync_data"))
    state = BegunState(context, "airports_by_country", lambda: 1)

    with pytest.raises(TypeError, match="sync_data has not begun"):
        _ = state.mine
