"""Replay a recording at its own pace or another."""
