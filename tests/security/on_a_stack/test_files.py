"""What a whole stack has written, by whichever process, is its owner's alone."""

import stat

import pytest


@pytest.mark.stack
def test_every_file_of_the_state_is_its_owners_alone(stack):
    files = [path for path in stack.state.path.rglob("*") if path.is_file()]
    modes = {
        path.relative_to(stack.state.path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in files
    }

    assert {"stack.log", "express.jsonl", "traces.jsonl", "fabric.log", "lock"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
