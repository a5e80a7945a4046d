"""One module for each command of ``netra``; ``cli`` loads the one that is called.

- ``serve``: ``serve`` and ``token``; ``check`` with ``check_packages`` and ``check_services``
- ``migrating``; ``database``: ``db``; ``revoking``; ``keys``: ``key``, with ``stored_keys``; ``auditing``: ``audit``;
  ``budgets``: ``budget``
- ``ask`` with ``ask_screen``, ``event_view``, ``live_text``, ``answering`` and ``starting``; ``runs`` with ``stored_runs``
- ``importing``, ``datasets``, ``reporting``, ``triage_evaluation``
- ``demo`` with ``sample_data``; ``drill``
- ``common``, ``server_access``: what they share
"""
