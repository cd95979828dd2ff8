"""The schemas of the HTTP API, one module per resource, built from `shapes` and `values`."""
