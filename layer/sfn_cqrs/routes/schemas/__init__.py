"""What the HTTP API takes and answers: one module per resource, of `shapes` with `values`."""
