"""What the user can do, by what it is done to."""
