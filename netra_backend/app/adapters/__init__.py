"""One port each; the only rooms that know a driver."""
