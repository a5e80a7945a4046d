"""The endpoints of HTTP, a module a group. Each returns its ``Endpoint`` objects from the parts it is given.

- ``identity``, ``user_data``, ``export``: who asks, and all that is kept of them
- ``threads``, ``runs``, ``questions``, ``files``: conversations, what they ask, and what is attached to them
- ``keys``: what programs sign in with
- ``secrets``, ``mcp_servers``, ``mcp_authorization``: what agents are given
- ``budgets``: what model requests may cost, and have cost
- ``catalogue``, ``datasets``, ``usage``: agents and tools, usage data, the report
- ``operations``, ``admin``: for what watches a server, and for who runs it
- ``documents``: OpenAPI, AsyncAPI, errors
"""
