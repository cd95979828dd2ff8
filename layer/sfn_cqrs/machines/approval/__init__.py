"""The approval machine: decisions that wait for people."""
