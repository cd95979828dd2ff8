"""How functions and AWS services are reached."""
