"""What others add to a server: agents, tools and file formats.

``named_objects`` imports what a person names; ``collection`` judges what it finds and keeps each name once; ``framework_objects``
says what to write for an agent of a framework that is not served yet; ``loading`` reads ``--app`` and the entry points of
installed packages; ``trial`` does so in a copy of this process; ``source_watch`` notices that the files have changed.
"""
