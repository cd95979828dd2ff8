"""Executions that an earlier release began: what they need of today's functions, kept in files."""
