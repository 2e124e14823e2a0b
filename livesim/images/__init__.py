"""Values in, colours for the eye out: levels, colour tables, merging, scale bars, time stamps."""
