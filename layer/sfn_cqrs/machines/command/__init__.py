"""The command machine: versions of items, in order, into rows and read models."""
