"""The networks of step one and step two."""
