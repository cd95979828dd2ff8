"""Tenants: taken to another stack, brought back, deleted."""
