"""Volumes that networks learn from, drawn while they learn: specimens, microscopes, light."""
