"""Recipes in, trained networks out."""
