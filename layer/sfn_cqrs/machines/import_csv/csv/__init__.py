"""CSV files as bytes, text, headers, rows and cells."""
