"""A count that an item of a task adds to whenever it runs again."""

from sfn_cqrs.read_models import read_model
from sfn_cqrs.tasks import task_handler
from sfn_cqrs_tools.testing.simulation import NewTask

COMMANDS = [NewTask("COUNT_WRONG", [{"n": 1}, {"n": 2}]), NewTask("COUNT_RIGHT", [{"n": 1}])]


@task_handler("COUNT_WRONG")
def wrong(item):
    view = read_model("counted")
    view.write_all([view.add(item.tenant, "all", "items", "count", 1)])


@task_handler("COUNT_RIGHT")
def right(item):
    """Keep a row of each item; whoever reads counts them."""
    read_model("counted").put_if_newer(item.tenant, "all", item.key, {"version": 1})
