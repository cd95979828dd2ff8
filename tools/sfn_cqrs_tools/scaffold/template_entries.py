"""The entries of template.yaml for a new workflow."""

from __future__ import annotations

import re

from sfn_cqrs_tools.scaffold.changes import ScaffoldError
from sfn_cqrs_tools.scaffold.insertion import after_last, before, section_line
from sfn_cqrs_tools.scaffold.machine import LONGEST_FUNCTION, Parent, Workflow
from sfn_cqrs_tools.scaffold.names import function_id, pascal, snake
from sfn_cqrs_tools.scaffold.texts import text

ALARMS = {
    "ExecutionsFailed": "An execution of {name} failed",
    "ExecutionsTimedOut": "An execution of {name} ran into its time limit",
}
OF_A_PROJECT = {
    "      <<: *information\n": text("workflow/alarm_of_a_project.yaml"),
    "*app-policy": "!Ref AppPolicy",
    "!Ref HandlerPolicy": "!GetAtt Cqrs.Outputs.HandlerPolicyArn",
    "*RequestsTableArn": "!GetAtt Cqrs.Outputs.RequestsTableArn",
    "!Ref LogRetentionDays": "!GetAtt Cqrs.Outputs.LogRetentionDays",
    "      PermissionsBoundary: *boundary\n": "",
    "!GetAtt SweepDeadLetterQueue.Arn": "!GetAtt Cqrs.Outputs.SweepDeadLetterQueueArn",
}
"""A project's replacements for references that exist only in the application's template."""

ACTIONS_OF_LOGS = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)

_NAMES_A_MACHINE = re.compile(
    r'(      Name: |              Resource: )!Sub "(|arn[^"]*:states:[^"]*:)'
    r'\$\{AWS::StackName\}-([^"]*)"'
)
"""Where the framework's functions look for a machine by the prefix of its name."""


def logical_ids(workflow: Workflow) -> list[str]:
    """Return every resource and output that the workflow adds."""
    machine = machine_id(workflow)
    return [
        machine,
        f"{machine}LogGroup",
        f"{machine}Arn",
        *(function_id(workflow.name, state) for state in workflow.functions),
        *(alarm_id(workflow, metric) for metric in ALARMS),
        *([answering_id(workflow), errors_alarm_id(workflow)] if workflow.parent else ()),
    ]


def machine_id(workflow: Workflow) -> str:
    """Return the machine's logical id."""
    return f"{pascal(workflow.name)}StateMachine"


def alarm_id(workflow: Workflow, metric: str) -> str:
    """Return the logical id of the alarm on a metric of the machine."""
    return f"{pascal(workflow.name)}{metric}Alarm"


def alarm_section(workflow: Workflow) -> str:
    """Return the section of docs/runbooks/work.md that says what to do."""
    return f"An execution of {workflow.name} failed"


def with_workflow(template: str, workflow: Workflow) -> str:
    """Return the text of template.yaml with the workflow's section, alarms and output.

    Raises:
        ScaffoldError: the template has not the sections that these belong to.
    """
    template = before(
        template,
        r"^  # -+ triggers$",
        f"{_section(workflow)}\n",
        "section 'triggers' in template.yaml",
    )
    template = before(
        template,
        r"^# -+ outputs$",
        f"{_alarms(workflow)}\n",
        "section 'outputs' in template.yaml",
    )
    machine = machine_id(workflow)
    return after_last(
        template,
        r"^  \w+StateMachineArn: +\{ Value: .* \}\n",
        f"  {machine}Arn: {{ Value: !Ref {machine} }}\n",
        "output of a state machine in template.yaml",
    )


def with_workflow_of_a_project(template: str, workflow: Workflow) -> str:
    """Return a project's template with the workflow's section and alarms.

    Raises:
        ScaffoldError: the template has no Resources or no Outputs.
    """
    added = of_a_project(f"{_section(workflow)}\n{_alarms(workflow)}\n")
    return with_machine_of_a_project(template, machine_id(workflow), added)


def with_machine_of_a_project(template: str, machine: str, entries: str) -> str:
    """Return a project's template with entries, the machine's ARN as an output, and Globals.

    Raises:
        ScaffoldError: the template has no Resources or no Outputs.
    """
    if "\nGlobals:\n" not in template:
        begin = "Resources in template.yaml"
        template = before(template, r"^Resources:$", text("workflow/globals.yaml"), begin)
    template = before(template, r"^Outputs:$", entries, "Outputs in template.yaml")
    output = f"\n  {machine}Arn:\n    Value: !Ref {machine}\n"
    return before(template, r"(?<=^Outputs:\n)", output, "Outputs in template.yaml")


def of_a_project(text: str) -> str:
    """Return what a project's template has for entries of the application's own."""
    for ours, theirs in OF_A_PROJECT.items():
        text = text.replace(ours, theirs)
    text = _NAMES_A_MACHINE.sub(
        r'\1!Sub ["\2${Prefix}-\3", { Prefix: !GetAtt Cqrs.Outputs.MachinePrefix }]', text
    )
    return re.sub(r" See docs/runbooks/\w+\.md, [^\"]*", "", text)


def errors_alarm_id(workflow: Workflow) -> str:
    """Return the logical id of the alarm on errors of what answers for children."""
    return f"{pascal(workflow.name)}AnswerErrorsAlarm"


def answering_id(workflow: Workflow) -> str:
    """Return the logical id of the function that answers for children."""
    return f"{pascal('event', answering_name(workflow))}Function"


def answering_name(workflow: Workflow) -> str:
    """Return the folder of the function that answers for children."""
    return f"on_{snake(workflow.name)}_ended"


def with_child(template: str, parent: Parent, child: str, *, is_nested: bool = False) -> str:
    """Return the text of template.yaml that lets the waiting state start its child.

    Raises:
        ScaffoldError: the function is not as `new workflow` has written it.
    """
    entry = _text("function", parent.alone, state=parent.state).rstrip("\n")
    right = text("workflow/start_child.yaml", child=child).rstrip("\n")
    if is_nested:
        entry, right = of_a_project(entry), of_a_project(right)
    if template.count(entry) != 1:
        raise ScaffoldError(
            f"{function_id(parent.machine, parent.state)} in template.yaml is not as `new workflow"
            f" --callback` writes it; allow it to start {child} by hand,"
            " see docs/workflow-functions.md"
        )
    return template.replace(entry, entry + right)


def _section(workflow: Workflow) -> str:
    title = section_line(f"{workflow.name}: statemachine/{workflow.name}.asl.json")
    return _text("section", workflow, title=title)


def _alarms(workflow: Workflow) -> str:
    return _text("alarms", workflow, metrics=ALARMS, section=alarm_section(workflow))


def _text(name: str, workflow: Workflow, **values: object) -> str:
    return text(
        f"workflow/{name}.yaml",
        workflow=workflow,
        machine=machine_id(workflow),
        answering_name=answering_name(workflow),
        answering_id=answering_id(workflow),
        longest_function=LONGEST_FUNCTION,
        deliver=ACTIONS_OF_LOGS,
        **values,
    )
