"""Train networks as a recipe says."""
