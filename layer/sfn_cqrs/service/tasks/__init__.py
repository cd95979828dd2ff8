"""Tasks: work in the background, item by item."""
