"""The fixtures that a project's tests get from the plugin."""


def test_each_stack_of_a_test_has_a_folder_of_its_own(quick_stack):
    first, second = quick_stack(), quick_stack()

    assert first.state.path != second.state.path
    assert ".sfn-cqrs" not in first.state.path.parts


def test_a_stack_of_a_test_is_made_as_it_is_asked_for(quick_stack, tmp_path):
    assert quick_stack(state_dir=tmp_path).state.path == tmp_path
