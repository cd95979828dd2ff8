"""Executions: their state, settings, progress and history."""
