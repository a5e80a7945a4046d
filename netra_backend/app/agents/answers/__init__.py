"""How the cost optimizer answers: one module for each kind of question."""
