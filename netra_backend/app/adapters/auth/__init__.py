"""Where keys, revocations and tickets come from if no database keeps them.

- ``development_key``: the signing key of one's own machine
- ``static_keys``: a key that the operator gave (``ports.KeySet``)
- ``jwks_keys``: keys that an issuer publishes, as JWKS or by OIDC discovery (``ports.KeySet``)
- ``file_revocations``: revocations in the data directory (``ports.RevocationStore``)
- ``api_key_rows``: API keys as all stores have them
- ``local_tickets``: tickets of one process, in memory (``ports.Tickets``)
"""
