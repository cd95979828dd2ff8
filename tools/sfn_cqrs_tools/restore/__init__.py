"""Restore the tables of a stack to one moment, and rehearse it."""
