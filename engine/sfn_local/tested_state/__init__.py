"""TestState: a single state, with or without a mock of its work.

Source: Step Functions API Reference, TestState; Developer Guide, "Testing state machines with
TestState API"; answers recorded from AWS.
"""

from sfn_local.tested_state.question import Question, read_question
from sfn_local.tested_state.state_test import LONGEST_SECONDS, StateTest

__all__ = ["LONGEST_SECONDS", "Question", "StateTest", "read_question"]
