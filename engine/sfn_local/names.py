"""Names and ARNs, and the rules that AWS has for them."""

import re

from sfn_local.errors import InvalidArn, InvalidName

LONGEST_NAME = 80

FORBIDDEN_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff]")
MACHINE_ARN = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:stateMachine:([^:]+)(:[^:]+)?")
MAP_RUN_ARN = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:mapRun:([^:]+)/([^:/]+):([^:]+)")
ACTIVITY_ARN = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:activity:([^:]+)")
EXECUTION_ARN = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:execution:([^:]+):([^:]+)")


def check_name(name: str) -> None:
    """A name of a state machine or an execution.

    Raises:
        InvalidName: it is empty, longer than 80 characters, or has a forbidden one.
    """
    if not 1 <= len(name) <= LONGEST_NAME or FORBIDDEN_IN_NAMES.search(name):
        raise InvalidName(name)


def machine_arn(region: str, account: str, name: str) -> str:
    """The ARN of a state machine."""
    return f"arn:aws:states:{region}:{account}:stateMachine:{name}"


def execution_arn(machine: str, name: str) -> str:
    """The ARN of a state machine's execution."""
    return f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name}"


def map_run_arn(machine: str, label: str, name: str) -> str:
    """The ARN of a Map Run; machine is the ARN of the state machine with the Map state."""
    return f"{machine.replace(':stateMachine:', ':mapRun:', 1)}/{label}:{name}"


def express_arn(machine: str, name: str, run: str) -> str:
    """The ARN of an EXPRESS execution."""
    return f"{machine.replace(':stateMachine:', ':express:', 1)}:{name}:{run}"


def activity_arn(region: str, account: str, name: str) -> str:
    """The ARN of an activity."""
    return f"arn:aws:states:{region}:{account}:activity:{name}"


def check_arn(kind: re.Pattern[str], arn: str) -> None:
    """An ARN of a kind, such as MACHINE_ARN.

    Raises:
        InvalidArn: it is none.
    """
    if kind.fullmatch(arn) is None:
        raise InvalidArn(arn if arn.startswith("arn:") else f"Invalid ARN prefix: {arn}")


def check_execution_arn(arn: str) -> None:
    """An ARN of an execution.

    Raises:
        InvalidArn: it is none.
    """
    if ":express:" in arn:
        raise InvalidArn("Resource type not valid in this context: express")
    check_arn(EXECUTION_ARN, arn)
