"""What every HTTP request passes before and after its endpoint.

- ``uvicorn_http``: bounds on heads (``request_head``), and patience, set up by ``server_config``
- ``security_headers``: origins, headers; ``access_log``
- ``router``: routes a request to its ``endpoint`` and counts the answers; ``page_files`` are the page's routes
- ``gate``: origin, credentials, rate; ``anonymous_rate_limit`` and ``client_address`` belong to it; ``anonymous_connections``
- ``problems``: what a refusal or a fault becomes
- ``request_body``, ``request_query``, ``ndjson``, ``safe_html``: what endpoints read and write
- ``transfers``: uploads and exports that go on
"""
