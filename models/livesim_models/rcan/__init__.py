"""RCAN, for training and, in faster forms, for inference."""
