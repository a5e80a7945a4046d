"""The isolation drill: one user tries every endpoint to what is another's, and every endpoint must refuse.

- ``isolation_drill``: holds it; ``endpoints``: what is tried, one function each; ``actor``: a user in it
"""
