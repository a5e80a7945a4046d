"""The public package of Netra."""
