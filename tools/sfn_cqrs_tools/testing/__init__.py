"""Helpers for tests of handlers, machines and whole stacks; `plugin` gives them to pytest."""
