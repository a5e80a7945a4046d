"""Tools, and the dispatcher that lets one request of one user call them.

- ``definition``: what a tool is; ``decorator``: a tool made of a function; ``threads``: plain functions, off the loop
- ``tool``: the former names
- ``unified_tool_dispatcher_factory``: makes a dispatcher from a request's context
- ``usage_tools``: the tools that read a user's usage rows and the price list
"""
