"""What the viewer knows of the stream and its engine."""
