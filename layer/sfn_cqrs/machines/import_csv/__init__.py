"""The import machine: CSV files and rows become versions."""
