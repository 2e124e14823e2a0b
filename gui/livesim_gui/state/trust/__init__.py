"""Whether the networks can be trusted, in words."""
