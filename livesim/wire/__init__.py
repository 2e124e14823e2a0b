"""Bytes between processes: codec, sockets with named queue policies, control."""
