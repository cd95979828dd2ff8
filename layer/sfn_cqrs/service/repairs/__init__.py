"""Repairs in bulk."""
