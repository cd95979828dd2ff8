"""The demonstration: real airports through the whole system, every row compared."""
