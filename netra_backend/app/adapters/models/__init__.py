"""Language models (``ports.Model``).

- ``pydantic_ai``: any provider that pydantic-ai knows, loaded when it is first asked
"""
