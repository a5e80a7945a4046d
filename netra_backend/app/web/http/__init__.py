"""What every HTTP request passes before and after its endpoint.

- ``uvicorn_http``: bounds on heads (``request_head``), and patience, set up by ``server_config``; ``reading_turns``: WebSockets
  that send much
- ``paced_http``: requests that wait for their turn (``request_turns``), connections that rest
- ``security_headers``: origins, headers; ``access_log``
- ``router``: routes a request to its ``endpoint`` and counts the answers; ``page_files`` are the page's routes
- ``gate``: origin, credentials, rate; ``anonymous_rate_limit`` and ``client_address`` belong to it; ``anonymous_connections``
- ``problems``: what a refusal or a fault becomes
- ``request_body``, ``request_query``, ``ndjson``: what endpoints read and write; ``while_there``: for as long as
  somebody waits for it
- ``transfers``: uploads and exports that go on
"""
