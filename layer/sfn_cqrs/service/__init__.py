"""Code that two or more functions share."""
