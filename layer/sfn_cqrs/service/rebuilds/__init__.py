"""Rebuilds of read models: the next generation beside the one that serves."""
