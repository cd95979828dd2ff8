"""State machines of your own: write their states, start them, and end their waits.

`waits` keeps the tokens of states that wait for somebody outside; `children` starts a machine from
another one's state, and answers it.
"""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.bootstrap import machine_arn
    from sfn_cqrs.kernel.functions.context import (
        Execution,
        State,
        StateMachine,
        StepFunctionsContext,
        sfn_handler,
    )
    from sfn_cqrs.kernel.functions.logs import logged_as, logger
    from sfn_cqrs.machines.workflow import children, waits
    from sfn_cqrs.machines.workflow.children import answering
    from sfn_cqrs.machines.workflow.executions import (
        Beats,
        Ended,
        StepFunctionService,
        execution_name,
    )
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.bootstrap": "machine_arn",
            "sfn_cqrs.machines.workflow": "children waits",
            "sfn_cqrs.machines.workflow.children": "answering",
            "sfn_cqrs.kernel.functions.context": (
                "Execution State StateMachine StepFunctionsContext sfn_handler"
            ),
            "sfn_cqrs.kernel.functions.logs": "logged_as logger",
            "sfn_cqrs.machines.workflow.executions": (
                "Beats Ended StepFunctionService execution_name"
            ),
        },
    )

__all__ = [
    "Beats",
    "Ended",
    "Execution",
    "State",
    "StateMachine",
    "StepFunctionService",
    "StepFunctionsContext",
    "answering",
    "children",
    "execution_name",
    "logged_as",
    "logger",
    "machine_arn",
    "sfn_handler",
    "waits",
]
