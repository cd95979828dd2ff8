"""Writes new workflows, handlers, tasks and imports as one would write them by hand."""
