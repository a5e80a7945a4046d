"""Where secrets come from, and how they are sealed.

- ``sealing``: authenticated encryption with the server's keys (``secret_ports.SecretCipher``)
- ``server_secrets``: a directory with a file for each secret of the server
"""
