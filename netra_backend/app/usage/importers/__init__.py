"""From a file to usage rows.

- ``importing``: the whole way of one file, and the account of what was taken; ``import_stats`` counts
- ``registry``: which formats there are, and which one a file has; ``format``: what a format is
- ``formats``: one module a format
- ``reading``: bytes to records, for all formats
- ``row``: one usage row, and how a record can fail to be one
- ``capabilities``: what a dataset can tell
"""
