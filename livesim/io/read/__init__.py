"""Read recordings and results of every format that microscopes and livesim write."""
