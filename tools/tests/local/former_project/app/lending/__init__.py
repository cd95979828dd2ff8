"""Lending: its handlers, each a module."""
