"""What each sub-command takes, one file for each; loads nothing that runs one."""
