"""Imports: rows of files become items."""
