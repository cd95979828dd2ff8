"""The task machine: work in the background, of one item or many."""
