"""Find how fast the OTF of a recording really falls."""
