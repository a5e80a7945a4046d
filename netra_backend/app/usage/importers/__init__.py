"""One module for each source format of usage rows."""
