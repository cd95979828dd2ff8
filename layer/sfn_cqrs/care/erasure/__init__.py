"""Erasures of people."""
