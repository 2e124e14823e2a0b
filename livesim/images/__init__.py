"""Make pictures of values: levels, colour tables, merging, scale bars, time stamps; only numpy."""
