"""The stack of this project on the runtime: its package, its SQL files, what `up` says."""
