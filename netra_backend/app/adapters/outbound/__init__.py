"""Calls to servers that users name, so that none of them reaches what is not public.

- ``destinations``: the addresses of a host that may be reached (validation point ``egress.address``)
- ``origin_pool``: HTTP to one origin, connected to such an address, bounded
"""
