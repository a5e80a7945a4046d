"""Where the files behind a user's usage rows lie: on a disk or in an object store, always whole datasets of one owner.

- ``port``: what the ledger asks of either
- ``local``: the datasets of one machine; ``directory`` is their layout on disk
- ``object_store``: the datasets of several machines; ``bucket`` is the S3-compatible store
- ``catalogue``: an owner's list of datasets, replaced only over the version that was read
- ``cache``: bounded local copies of what lies in the object store
- ``held_directory``: tells the leftovers of a killed process from another's work in progress
- ``fingerprint``: tells one imported file from another
"""
