"""The dose ladder."""
