"""Run engine, viewer and simulated microscope as child processes, ended in order."""
