"""The isolation drill: one user tries every endpoint to what is another's, and every endpoint must refuse.

- ``isolation_drill``: holds it; ``endpoints``: what is tried, one function each; ``credentials``: of these, what users give away
- ``judging``: what an attempt proved; ``actor``: a user in it
"""
