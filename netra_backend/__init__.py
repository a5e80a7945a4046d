"""The server and its client. Programs import ``netra_server``; what is here is private.

- ``app``: the server; ``client``: a Python client
- ``distribution``: what all this is installed as, and its version
- ``__main__``: ``python -m netra_backend`` is ``netra``
"""
