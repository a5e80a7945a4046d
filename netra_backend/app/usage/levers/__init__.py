"""One module for each way to spend less."""
