"""Do what the sub-commands ask for; each is imported only when it is run."""
