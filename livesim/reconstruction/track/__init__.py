"""Track the pattern from one raw stack to the next."""
