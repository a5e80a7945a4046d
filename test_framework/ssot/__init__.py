"""Checks of the isolation contract, for your own factories too.

- ``ssot_validation_helpers``: what a factory must offer, and which ids it must refuse
- ``fixtures``: valid, real and forged contexts, and stand-ins for a factory's dependencies
- ``audit``: judges a factory by its name
"""
