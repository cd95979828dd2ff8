"""Runs stored versions through the handlers of the working copy, away from the stack."""
