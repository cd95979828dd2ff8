"""Imports of archives: file by file."""
