"""From the bytes of a foreign file to checked values, bounded in memory whatever the file holds.

- ``source``: a file as chunks of bytes: plain, gzip or zip
- ``records``: chunks to records, by kind: ``json_lines``, ``json_stream``, ``separated``; ``line_blocks`` cuts lines
- ``batch``, ``page``: records that are read together, by row and by column
- ``schema_cache``: JSON lines whose objects all have the same members, read without a dict for each
- ``values``: the checks through which every value enters; ``timestamps`` and ``shapes`` check whole columns at once
"""
