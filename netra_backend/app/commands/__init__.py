"""One module for each command of ``netra``; ``cli`` loads the one that is called.

- ``serve``: ``serve`` and ``token``; ``check`` with ``check_packages`` and ``check_services``
- ``migrating``; ``database``: ``db``; ``revoking``; ``auditing``: ``audit``; ``budgets``: ``budget``
- ``ask`` with ``event_view`` and ``answering``; ``runs`` with ``stored_runs``
- ``importing``, ``datasets``, ``reporting``, ``triage_evaluation``
- ``demo`` with ``sample_data``; ``drill``
- ``common``, ``server_access``: what they share
"""
