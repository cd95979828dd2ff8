"""The user's own machines: executions, waits, children."""
