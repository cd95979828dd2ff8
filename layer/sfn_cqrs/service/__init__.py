"""What two or more functions do."""
