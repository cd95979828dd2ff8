"""Audits: what is stored is checked against the rules."""
