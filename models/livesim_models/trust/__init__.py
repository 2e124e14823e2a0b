"""Judge whether the images that networks made of a raw stack can be trusted."""
