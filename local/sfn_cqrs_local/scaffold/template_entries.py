"""What a new workflow adds to template.yaml."""

from __future__ import annotations

from sfn_cqrs_local.scaffold.insertion import after_last, before, section_line
from sfn_cqrs_local.scaffold.machine import Workflow
from sfn_cqrs_local.scaffold.names import function_id, pascal, snake

ALARMS = {
    "ExecutionsFailed": "An execution of {name} failed",
    "ExecutionsTimedOut": "An execution of {name} ran into its time limit",
    "ExecutionsAborted": "Somebody stopped an execution of {name}",
    "ExecutionThrottled": "State transitions are throttled: {name} is late, nothing is lost",
}
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


def logical_ids(workflow: Workflow) -> list[str]:
    """Every resource and output that the workflow adds."""
    machine = machine_id(workflow)
    return [
        machine,
        f"{machine}LogGroup",
        f"{machine}Arn",
        *(function_id(workflow.name, state) for state in workflow.functions),
        *(alarm_id(workflow, metric) for metric in ALARMS),
    ]


def machine_id(workflow: Workflow) -> str:
    """The machine's logical id."""
    return f"{pascal(workflow.name)}StateMachine"


def alarm_id(workflow: Workflow, metric: str) -> str:
    """The logical id of the alarm on a metric of the machine."""
    return f"{pascal(workflow.name)}{metric.replace('ExecutionT', 'ExecutionsT')}Alarm"


def alarm_section(workflow: Workflow) -> str:
    """The section of docs/operations.md that says what to do."""
    return f"An execution of {workflow.name} failed"


def with_workflow(template: str, workflow: Workflow) -> str:
    """The text of template.yaml with the workflow's section, alarms and output.

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


def _section(workflow: Workflow) -> str:
    parts = [
        section_line(f"{workflow.name}: statemachine/{workflow.name}.asl.json"),
        _machine(workflow),
        *(_function(workflow, state) for state in workflow.functions),
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
    policies = """
      Policies:
        - Statement:
            - Effect: Allow
              Action: dynamodb:PutItem
              Resource: !GetAtt RequestsTable.Arn"""
    return f"""\
  {function_id(workflow.name, state)}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{snake(workflow.name)}/{state}/\
{policies if state in workflow.callbacks else ""}"""


def _alarms(workflow: Workflow) -> str:
    return "\n".join(_alarm(workflow, metric) for metric in ALARMS)


def _alarm(workflow: Workflow, metric: str) -> str:
    what = ALARMS[metric].format(name=workflow.name)
    periods = "      EvaluationPeriods: 3\n" if metric == "ExecutionThrottled" else ""
    return f"""\
  {alarm_id(workflow, metric)}:
    Type: AWS::CloudWatch::Alarm
    Properties:
      <<: *alarm
      AlarmDescription: "{what}. See docs/operations.md, {alarm_section(workflow)}."
      MetricName: {metric}
      Dimensions:
        - {{ Name: StateMachineArn, Value: !Ref {machine_id(workflow)} }}
{periods}"""
