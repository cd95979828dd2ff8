"""Live updates on this machine: a twin of AppSync Events, and the page that shows them."""
