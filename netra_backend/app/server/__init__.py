"""One server: composes what ``web`` serves from a runtime's parts, and runs it.

- ``runtime``: the parts; ``application``: the ASGI application and its life
- ``http_application``: the endpoints, and the work beside them: ``housekeeping``, ``rates``, ``counts``
- ``drill_transport``: an isolation drill without a network
- ``uvicorn_server``: one process; ``open_files``: how many connections it has room for
- ``loop_watchdog``: names what holds up the process
- ``worker_supervisor``, ``worker_policy``: several processes
"""
