"""Handlers with a planted mistake each, and the corrected ones; a module for each kind."""
