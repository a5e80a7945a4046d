"""What implements the ports, sorted by technology. Only these rooms know a driver; ``wiring`` and ``stores`` choose among them.

- ``sqlite``, ``postgres``: event log, audit and the rest, embedded or shared by several processes
- ``event_log``, ``audit``, ``migrations``: what these two have in common
- ``redis``: events between processes
- ``ledger``, ``datasets``: usage rows, and where their files lie
- ``auth``, ``models``: keys of issuers; language models
- ``secrets``: how secrets of users are sealed, and where those of the server come from
- ``mcp``: sessions with MCP servers of users; ``outbound``: calls to servers that users name
- ``process``: child processes, locks, clock and logs of the machine
"""
