"""Approvals: what people decide."""
