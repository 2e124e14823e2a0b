"""Child processes of livesim: started together, ended in order."""
