"""Recordings and simulations in, training samples out."""
