"""The stores of an engine beside its executions' histories: machines, versions, tags."""
