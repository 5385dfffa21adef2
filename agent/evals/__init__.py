"""How good the models' part is, measured: requests with expectations that code can check, and what came of them."""
