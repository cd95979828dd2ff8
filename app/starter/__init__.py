"""The package that this repository deploys on its own; a project of yours has another."""
