"""IAM on this machine: a function may do what its role in template.yaml allows, and no more."""
