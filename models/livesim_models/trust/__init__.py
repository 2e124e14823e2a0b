"""Whether what the networks made of a raw stack can be trusted."""
