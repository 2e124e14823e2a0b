"""The picture and what is written over it."""
