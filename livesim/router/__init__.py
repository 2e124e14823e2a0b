"""Spread the channels of one stream over several engines on this machine, behind one address."""
