"""``/ws/{user_id}``.

- ``endpoint``: who connects, before and after the upgrade
- ``connection_handler``: the open connections, and the table of their frames' handlers
- ``uvicorn_websocket``: the socket under uvicorn; ``asgi_wire``: under any other ASGI server
"""
