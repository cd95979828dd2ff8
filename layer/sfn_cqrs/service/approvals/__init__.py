"""Approvals: decisions by people."""
