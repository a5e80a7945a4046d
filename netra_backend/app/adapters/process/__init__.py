"""What the operating system gives: processes, files, locks, time and logs.

- ``child``: a child process seen from its parent; ``child_runtime``: seen from inside
- ``prestarted``: children that load their libraries while the parent loads its own
- ``sandbox``: the walls around a child, made of ``seccomp`` and ``landlock``; ``linux``: the calls that they need
- ``html_renderer``: Markdown as HTML, made in children (``html_worker``)
- ``file_scan``: the operator's command that looks at files
- ``data_directory``: the private directory of one server, locked while it is used
- ``durable_files``: files that survive a loss of power
- ``key_file``: a key of one's own, made once
- ``file_locks``: locks between processes
- ``clock``: the machine's time and randomness (``ports.Clock``, ``ports.Entropy``)
- ``json_logs``: logs as JSON lines, secrets taken out
"""
