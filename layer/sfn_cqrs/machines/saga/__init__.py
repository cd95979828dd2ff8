"""Sagas: steps that are all made or all undone."""
