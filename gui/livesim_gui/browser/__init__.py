"""Show the live picture in any number of browsers, and restore what is dropped there; no Qt."""
