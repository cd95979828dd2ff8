"""docs/reference, as far as it is made: the command line, the Python API and the HTTP API."""
