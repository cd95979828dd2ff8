"""The rules: their subject, severity and remedy.

An error is something that AWS refuses or that cannot work. A warning is a mistake that AWS takes:
it does something else than it seems to. Advice is about what is right, and could be safer. AWS
answers CreateStateMachine with InvalidDefinition for the rules marked as refused.
"""

from typing import NamedTuple

ERROR, WARNING, ADVICE = "error", "warning", "advice"
SCHEMA = "SCHEMA_VALIDATION_FAILED"
INVALID_JSONATA, UNSUPPORTED_JSONATA = (
    "INVALID_JSONATA_EXPRESSION",
    "UNSUPPORTED_JSONATA_EXPRESSION",
)
NO_TARGET, NO_END = "MISSING_TRANSITION_TARGET", "MISSING_END_STATE"
REPEATED = "DUPLICATE_STATE_NAME"


class Rule(NamedTuple):
    """A rule; is_refused says whether AWS refuses the definition for it, with that code."""

    severity: str
    hint: str
    is_refused: bool = False
    code: str = SCHEMA


def _refused(hint: str, code: str = SCHEMA) -> Rule:
    return Rule(ERROR, hint, is_refused=True, code=code)


def _error(hint: str) -> Rule:
    return Rule(ERROR, hint)


def _warning(hint: str) -> Rule:
    return Rule(WARNING, hint)


def _advice(hint: str) -> Rule:
    return Rule(ADVICE, hint)


RULES: dict[str, Rule] = {
    # the document
    "json-syntax": _refused("Mend the JSON; everything else is looked at after that."),
    "duplicate-key": _warning("Remove one of them: only the last is read."),
    "definition-type": _refused("Write an object with StartAt and States."),
    "too-large": _refused("Move parts into state machines of their own (states:startExecution)."),
    "comment-missing": _advice("Say in one sentence what the machine is for."),
    "ignore-unused": _warning("Take the mark away, or name a rule that warns in this state."),
    "machine-timeout-missing": _advice("Add TimeoutSeconds, or an execution may run for a year."),
    "field-unknown": _refused("Remove it, or write it as the language spells it."),
    "field-misplaced": _refused("Remove it, or use a type of state that has it."),
    "field-type": _refused("See the type of the field in the Amazon States Language."),
    "field-missing": _refused("Add it."),
    "number-range": _refused("Choose a number within the range."),
    "choice-of-values": _refused("Use one of the values that the language knows."),
    "value-and-path": _refused("Keep one of the two."),
    "language-mixed": _refused("Use the fields of the state's own QueryLanguage."),
    # the graph
    "target-unknown": _refused("Name a state of the same scope.", NO_TARGET),
    "unreachable": _refused("Lead to it from another state, or remove it.", NO_TARGET),
    "end-missing": _refused("Give a state an End, or add a Succeed or a Fail.", NO_END),
    "no-end": _error("Add an End, a Succeed or a Fail that can be reached."),
    "name-repeated": _refused("Give every state of the definition a name of its own.", REPEATED),
    "name-too-long": _refused("Use at most 80 characters."),
    "tight-loop": _warning("Add a Wait state or a counter, or it may run into 25,000 events."),
    # states
    "type-unknown": _refused("Use Task, Pass, Choice, Wait, Succeed, Fail, Parallel or Map."),
    "transition-missing": _refused('Add "Next" or "End": true.'),
    "transition-both": _refused("Keep Next or End, not both."),
    # Choice
    "rule-empty": _refused("Add a comparison, or And, Or, Not with rules in them."),
    "rule-operator": _refused("Use one comparison; a rule with more is written with And."),
    "rule-operand": _refused("Compare with a value of the operator's type."),
    "rule-next": _refused("Only the outermost rules have a Next."),
    "rule-shadowed": _warning("Remove it, or put it before the other one."),
    "default-missing": _advice("Add a Default, or other data fail the execution."),
    # Wait and Fail
    "wait-ways": _refused("Give exactly one of Seconds, SecondsPath, Timestamp, TimestampPath."),
    "timestamp": _refused("Write it like 2026-11-25T12:00:00Z."),
    # Task
    "resource-unknown": _refused("Use a function's ARN or arn:aws:states:::service:action."),
    "argument-missing": _refused("Add it to Parameters (or Arguments)."),
    "heartbeat-range": _refused("Make HeartbeatSeconds smaller than TimeoutSeconds."),
    "token-missing": _error('Send it along: "taskToken.$": "$$.Task.Token".'),
    "token-elsewhere": _error("Only tasks that end in .waitForTaskToken have a token."),
    "timeout-missing": _advice("Add TimeoutSeconds: without it a lost answer waits for a year."),
    "retry-missing": _advice("Retry Lambda.ServiceException and the other passing errors."),
    "catch-missing": _advice("Catch States.ALL, so that the failure is recorded."),
    "catch-loses-input": _warning("Add a ResultPath to the Catch if the next state needs it."),
    # Retry and Catch
    "states-all-alone": _refused("Give States.ALL an entry of its own."),
    "states-all-last": _refused("Move the entry to the end: the ones behind it are never read."),
    "retry-repeats": _advice("Retry by the errors' names, or make a repetition harmless."),
    "error-shadowed": _warning("Remove it, or put it before the entry that takes it."),
    "limit-uncaught": _warning("Catch States.DataLimitExceeded by its name, before States.ALL."),
    "runtime-uncaught": _warning("Prevent it: no Retry and no Catch handles States.Runtime."),
    # data flow
    "path-syntax": _refused("Write a path like $.order.items[0]."),
    "reference-path": _refused("Use only names and indexes, as in $.result.items[0]."),
    "dollar-missing": _warning('Let the field\'s name end in ".$", or the text is taken as it is.'),
    "dollar-literal": _refused('Take ".$" off the field\'s name, or give it a path.'),
    "intrinsic": _refused("See the intrinsic functions of the Amazon States Language."),
    "context-field": _error("See the fields of the context object."),
    "map-item-outside": _error("Only the states inside a Map have an item."),
    "context-copied": _advice("Take single fields of $$: it repeats the execution's input."),
    "jsonata-braces": _warning("Write {% before and %} after the expression."),
    "jsonata-syntax": _refused(
        "See JSONata's documentation; the column is in the expression.", INVALID_JSONATA
    ),
    "jsonata-text": _warning('Set "QueryLanguage": "JSONata", or the text is taken as it is.'),
    "jsonpath-text": _warning("Take .$ off the name, and write the value as {% … %}."),
    "function-unknown": _error("See JSONata's functions, and those that Step Functions adds."),
    "states-field": _refused(
        "Results are in Output and Assign, errorOutput is in a Catch.", UNSUPPORTED_JSONATA
    ),
    "reference-bare": _refused("Begin with $states or with a variable.", UNSUPPORTED_JSONATA),
    "context-nothing": _warning("Write $states.input: the top level has no context."),
    # variables
    "variable-name": _refused("Start with a letter, go on with letters, digits, _; at most 80."),
    "variable-undefined": _error("Assign it in a state that always runs before."),
    "variable-inner": _error("Return it in the state's output, and assign it outside."),
    "variable-shadowed": _error("Choose another name: inner scopes cannot assign outer variables."),
    "variable-unused": _warning("Remove it, or read it."),
    # Map
    "processor-missing": _refused("Add an ItemProcessor."),
    "processor-both": _refused("Keep ItemProcessor; Iterator is its old name."),
    "label-unused": _warning("Remove it, or make the Map distributed: only that uses a Label."),
    "distributed-only": _refused('Set "Mode": "DISTRIBUTED" in the ProcessorConfig, or remove it.'),
    "execution-type-missing": _refused("Add ExecutionType: STANDARD or EXPRESS."),
    "express-callback": _refused(
        "EXPRESS executions wait for no tokens and jobs, and start no Map Runs."
    ),
    "inline-concurrency": _warning("An inline Map runs at most 40 iterations at a time."),
    "inline-tolerance": _warning("Catch inside the iterations, or make the Map a distributed one."),
    "label": _refused("Use at most 40 characters, without blanks and special ones."),
    "csv-headers": _refused("Give CSVHeaders exactly where CSVHeaderLocation is GIVEN."),
    "batcher-empty": _refused("Set MaxItemsPerBatch or MaxInputBytesPerBatch."),
    "batch-bytes-small": _warning("Bytes, not items: a batch this small rarely holds one row."),
    "results-lost": _advice("Add a ResultWriter, or a tolerance for failed items."),
    # the mock configuration
    "mock-file": _error("See `sfn-local mock new`, which writes one."),
    "mock-response": _warning("Mend it: a state that comes to it fails with States.Runtime."),
    # the template
    "substitution-missing": _error("Add it, or the text with its braces is deployed."),
    "substitution-unused": _warning("Remove it, or use it."),
    "role-lacks-function": _error("Allow lambda:InvokeFunction on it in the machine's Policies."),
    "logging-missing": _advice("Add Logging, or a failed execution tells little."),
    "tracing-missing": _advice("Add Tracing: Enabled: true."),
}
