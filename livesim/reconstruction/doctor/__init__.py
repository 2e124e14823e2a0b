"""What is wrong with a recording, told from its frames alone."""
