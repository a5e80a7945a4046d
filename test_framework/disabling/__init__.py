"""Removes one validation point from the application, from outside, in a throw-away process.

- ``import_hook``: removes the ``raise`` while the module is imported
"""
