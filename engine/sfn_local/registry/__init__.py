"""What an engine keeps beside its executions' histories: machines, versions, tags."""
