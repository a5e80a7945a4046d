"""The test kit: what we check ourselves with, for factories of your own."""
