"""The generated part of docs/reference: the command line, the Python API and the HTTP API."""
