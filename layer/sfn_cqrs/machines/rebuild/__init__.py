"""The rebuild machine: read models made anew while they serve."""
