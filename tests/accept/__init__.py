"""The acceptance of a whole project, on AWS or on the local stack: `make aws-accept`."""
