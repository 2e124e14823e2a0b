"""Plant faults in simulated recordings of any specimen, layout, optics and light."""
