"""What the server says about itself, made of the very structs and endpoints that serve.

- ``openapi``, ``asyncapi``: HTTP and the WebSocket, for programs; ``errors_page``: the catalogue, for people
- ``authorization_page``: what a browser shows at the end of an authorization of an MCP server
- ``error_table``: the same catalogue as a module of the page
- ``metrics``: counters and gauges for Prometheus
"""
