"""The machine of ZIP archives: each file is an import of its own."""
