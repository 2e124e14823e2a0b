"""The panels beside the picture, one a file."""
