"""What is looked at, in its order."""

from sfn_local.lint import (
    choices,
    data,
    fields,
    graph,
    ignores,
    languages,
    maps,
    recovery,
    tasks,
    times,
    variables,
)

CHECKS = (
    fields.check,
    graph.check,
    choices.check,
    times.check,
    tasks.check,
    recovery.check,
    data.check,
    languages.check,
    variables.check,
    maps.check,
    ignores.check,  # the last: it leaves out what the others found
)
