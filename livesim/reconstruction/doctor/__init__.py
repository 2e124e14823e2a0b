"""Find out from its frames alone what is wrong with a recording."""
