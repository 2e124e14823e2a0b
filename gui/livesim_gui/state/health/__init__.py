"""What is well and what is not, in words."""
