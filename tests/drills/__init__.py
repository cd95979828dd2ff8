"""Each alarm's fault, injected under a virtual clock; `python -m tests.drills` prints them."""
