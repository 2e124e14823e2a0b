"""Read recordings and results, whatever the format."""
