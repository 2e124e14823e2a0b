"""How a checkout is built, in figures: `python -m bench.house CHECKOUT`."""
