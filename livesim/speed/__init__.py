"""What `livesim bench` measures, one file a subject."""
