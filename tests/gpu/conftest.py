"""What needs a GPU of CUDA; without one there is nothing here."""

import torch

collect_ignore_glob = [] if torch.cuda.is_available() else ["test_*.py"]
