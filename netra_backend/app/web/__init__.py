"""What clients reach over HTTP and WebSocket. Nothing here composes: each part is given what it uses by ``server``.

- ``sockets``: ``/ws/{user_id}``, from the handshake to the frames' handlers
- ``http``: what every request passes: routing, gate, problems, bounds
- ``api``: the endpoints, a module a group
- ``doors``: endpoints in other people's protocols
- ``documents``: what the server says about itself: OpenAPI, AsyncAPI, errors, metrics
- ``page``: the web page
"""
