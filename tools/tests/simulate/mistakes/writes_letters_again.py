"""A letter that is sent again whenever an item of a task runs again."""

from sfn_cqrs.tasks import task_handler
from sfn_cqrs_tools.testing.simulation import NewTask

OUTSIDE = "send_letter"
COMMANDS = [NewTask("LETTERS_WRONG", [{"to": "ada"}]), NewTask("LETTERS_RIGHT", [{"to": "ada"}])]


def send_letter(to, idempotency_key=None):
    raise ConnectionError(f"no test sends letters: {to} {idempotency_key}")


@task_handler("LETTERS_WRONG")
def wrong(item):
    send_letter(item.input["to"])


@task_handler("LETTERS_RIGHT")
def right(item):
    send_letter(item.input["to"], idempotency_key=item.key)
