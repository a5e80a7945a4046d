"""Tools, and the dispatcher that lets one request of one user call them.

- ``tool``: what a tool is
- ``unified_tool_dispatcher_factory``: makes a dispatcher from a request's context
- ``usage_tools``: the tools that read a user's usage rows and the price list
"""
