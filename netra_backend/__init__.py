"""The server (``app``) and its Python client (``client``). Programs import ``netra_server``; what is here is private."""
