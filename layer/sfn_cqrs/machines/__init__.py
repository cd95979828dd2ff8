"""The machines: one room for each, with its rules, tables, states and routes."""
