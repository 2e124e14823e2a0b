"""Make training samples of recordings and simulations."""
