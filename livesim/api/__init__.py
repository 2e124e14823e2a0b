"""What `import livesim` offers: functions of NumPy arrays and of files."""
