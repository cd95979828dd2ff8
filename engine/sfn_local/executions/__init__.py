"""Executions: what they are, what they are given, where they stand, and what they leave."""
