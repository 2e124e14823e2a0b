"""Record what a stream brings and what is made of it."""
