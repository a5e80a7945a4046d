"""Tools and the dispatcher that lets one request of one user call them."""
