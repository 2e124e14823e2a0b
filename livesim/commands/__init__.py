"""What the sub-commands do, one file for each; imported only when one is run."""
