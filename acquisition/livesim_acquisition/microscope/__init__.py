"""Simulate a SIM microscope, its faults and its camera; the truth of every frame is known."""
