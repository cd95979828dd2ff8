"""The entries of template.yaml for a new workflow."""

from __future__ import annotations

import re

from sfn_cqrs_tools.scaffold.changes import ScaffoldError
from sfn_cqrs_tools.scaffold.insertion import after_last, before, section_line
from sfn_cqrs_tools.scaffold.machine import ANSWER, LONGEST_FUNCTION, RECORDER, Parent, Workflow
from sfn_cqrs_tools.scaffold.names import function_id, pascal, snake

ALARMS = {
    "ExecutionsFailed": "An execution of {name} failed",
    "ExecutionsTimedOut": "An execution of {name} ran into its time limit",
}
OF_A_PROJECT = {
    "      <<: *information\n": """\
      Period: 300
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!GetAtt Cqrs.Outputs.InformationTopicArn]
      OKActions: [!GetAtt Cqrs.Outputs.InformationTopicArn]
""",
    "*app-policy": "!Ref AppPolicy",
    "!Ref HandlerPolicy": "!GetAtt Cqrs.Outputs.HandlerPolicyArn",
    "*RequestsTableArn": "!GetAtt Cqrs.Outputs.RequestsTableArn",
    "!Ref LogRetentionDays": "180",
    "!GetAtt SweepDeadLetterQueue.Arn": "!GetAtt Cqrs.Outputs.SweepDeadLetterQueueArn",
}
"""A project's replacements for references that exist only in the application's template."""

GLOBALS_OF_A_PROJECT = """\
Globals:

  Function:
    Runtime: python3.13
    Handler: app.lambda_handler
    Architectures: [!Ref Architecture]
    MemorySize: 512
    Timeout: 30
    Tracing: Active
    Layers: [!GetAtt Cqrs.Outputs.FrameworkLayerArn, !Ref AppLayer]
    LoggingConfig:
      LogGroup: !GetAtt Cqrs.Outputs.FunctionLogGroupName
      LogFormat: JSON
    Environment:
      Variables:
        SFN_CQRS_ENVIRONMENT: !GetAtt Cqrs.Outputs.Environment
        AWS_ENDPOINT_URL: "" # as if unset; `sam local` passes on what is declared alone
        AWS_ENDPOINT_URL_SFN: ""
        AWS_ENDPOINT_URL_LAMBDA: ""

"""
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
_OF_CODE = "\n        - !Ref HandlerPolicy\n        - *app-policy"
"""The managed policies of all functions that run the user's code."""


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
    """Return the section of docs/operations.md that says what to do."""
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
        r"^  \w+StateMachineArn:\n    Value: .*\n",
        f"  {machine}Arn:\n    Value: !Ref {machine}\n",
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
        template = before(template, r"^Resources:$", GLOBALS_OF_A_PROJECT, begin)
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
    return re.sub(r" See docs/operations\.md, [^\"]*", "", text)


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
    entry = _function(parent.alone, parent.state)
    right = _statement("states:StartExecution", child)
    if is_nested:
        entry, right = of_a_project(entry), of_a_project(right)
    if template.count(entry) != 1:
        raise ScaffoldError(
            f"{function_id(parent.machine, parent.state)} in template.yaml is not as `new workflow"
            f" --callback` writes it; allow it to start {child} by hand, see docs/workflows.md"
        )
    return template.replace(entry, entry + right)


def _statement(actions: str, machine: str, kind: str = "stateMachine", name: str = "") -> str:
    place = f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:{kind}"
    return f"""
            - Effect: Allow
              Action: {actions}
              Resource: !Sub "{place}:${{AWS::StackName}}-{machine}{name}\""""


def _section(workflow: Workflow) -> str:
    parts = [
        section_line(f"{workflow.name}: statemachine/{workflow.name}.asl.json"),
        _machine(workflow),
        *(_function(workflow, state) for state in workflow.functions),
        *([_answering(workflow, workflow.parent)] if workflow.parent else ()),
    ]
    return "\n\n".join(parts) + "\n"


def _machine(workflow: Workflow) -> str:
    machine, name = machine_id(workflow), workflow.name
    functions = [function_id(name, state) for state in workflow.functions]
    substitutions = "\n".join(f"        {each}: !GetAtt {each}.Arn" for each in functions)
    invoked = "\n".join(f"                - !GetAtt {each}.Arn" for each in functions)
    delivery = "\n".join(f"                - logs:{action}" for action in ACTIONS_OF_LOGS)
    return f"""\
  {machine}:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub "${{AWS::StackName}}-{name}"
      DefinitionUri: statemachine/{name}.asl.json
      DefinitionSubstitutions:
{substitutions}
      Tracing:
        Enabled: true
      Logging:
        Level: ALL
        IncludeExecutionData: false
        Destinations:
          - CloudWatchLogsLogGroup:
              LogGroupArn: !GetAtt {machine}LogGroup.Arn
      Policies:
        - Statement:
            - Effect: Allow
              Action: lambda:InvokeFunction
              Resource:
{invoked}
            - Sid: DeliverLogs # AWS defines no resource type for log delivery
              Effect: Allow
              Action:
{delivery}
              Resource: "*"

  {machine}LogGroup:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Retain
    Properties:
      LogGroupName: !Sub "/aws/vendedlogs/states/${{AWS::StackName}}-{name}"
      RetentionInDays: !Ref LogRetentionDays"""


def _function(workflow: Workflow, state: str) -> str:
    return f"""\
  {function_id(workflow.name, state)}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{snake(workflow.name)}/{state}/\
{_policies(workflow, state)}"""


def _policies(workflow: Workflow, state: str) -> str:
    """Return the policies of a state's function: those of handlers if it runs the user's code."""
    if state in workflow.callbacks:
        return f"\n      Policies:{_OF_CODE}\n        - Statement:{_of_requests('PutItem')}"
    if state in workflow.long:
        acts = "[states:SendTaskSuccess, states:SendTaskHeartbeat]"
        own = f"{_OF_CODE}\n        - Statement:{_statement(acts, workflow.name)}"
        return f"\n      Timeout: {LONGEST_FUNCTION}\n      Policies:{own}"
    if state not in (ANSWER, RECORDER):
        return f"\n      Policies:{_OF_CODE}"
    if workflow.parent:
        action = "SendTaskSuccess" if state == ANSWER else "SendTaskFailure"
        statement = _statement(f"states:{action}", workflow.parent.machine)
        return f"\n      Policies:\n        - Statement:{_of_requests('GetItem')}{statement}"
    return ""


def _of_requests(*actions: str) -> str:
    named = ", ".join(f"dynamodb:{action}" for action in actions)
    return f"""
            - Effect: Allow
              Action: {named if len(actions) == 1 else f"[{named}]"}
              Resource: *RequestsTableArn"""


def _answering(workflow: Workflow, parent: Parent) -> str:
    name = workflow.name
    ends = "[states:SendTaskSuccess, states:SendTaskFailure, states:ListExecutions]"
    return f"""\
  {answering_id(workflow)}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/event/{answering_name(workflow)}/
      Timeout: 60
      EventInvokeConfig:
        MaximumRetryAttempts: 2
        MaximumEventAgeInSeconds: 3600
        DestinationConfig:
          OnFailure:
            Type: SQS
            Destination: !GetAtt SweepDeadLetterQueue.Arn
      Policies:
        - Statement:\
{_of_requests("GetItem", "Query", "UpdateItem")}\
{_statement(ends, parent.machine)}\
{_statement("states:DescribeExecution", name, "execution", ":*")}
      Events:
        EveryMinute:
          Type: Schedule
          Properties:
            Schedule: rate(1 minute)
        ExecutionEnded:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.states]
              detail-type: [Step Functions Execution Status Change]
              detail:
                status: [FAILED, TIMED_OUT, ABORTED]
                stateMachineArn: [!Ref {machine_id(workflow)}]"""


def _alarms(workflow: Workflow) -> str:
    alarms = [_alarm(workflow, metric) for metric in ALARMS]
    return "\n".join([*alarms, *([_errors_alarm(workflow)] if workflow.parent else ())])


def _errors_alarm(workflow: Workflow) -> str:
    what = f"Parents of {workflow.name} may wait for a child that is gone"
    return f"""\
  {errors_alarm_id(workflow)}:
    Type: AWS::CloudWatch::Alarm
    Properties:
      <<: *information
      AlarmDescription: "{what}. See docs/operations.md, {alarm_section(workflow)}."
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions:
        - {{ Name: FunctionName, Value: !Ref {answering_id(workflow)} }}
      Statistic: Sum
      EvaluationPeriods: 2
      Threshold: 1
"""


def errors_alarm_id(workflow: Workflow) -> str:
    """Return the logical id of the alarm on errors of what answers for children."""
    return f"{pascal(workflow.name)}AnswerErrorsAlarm"


def _alarm(workflow: Workflow, metric: str) -> str:
    what = ALARMS[metric].format(name=workflow.name)
    return f"""\
  {alarm_id(workflow, metric)}:
    Type: AWS::CloudWatch::Alarm
    Properties:
      <<: *information
      AlarmDescription: "{what}. See docs/operations.md, {alarm_section(workflow)}."
      Namespace: AWS/States
      MetricName: {metric}
      Dimensions:
        - {{ Name: StateMachineArn, Value: !Ref {machine_id(workflow)} }}
      Statistic: Sum
      EvaluationPeriods: 1
      Threshold: 1
"""
