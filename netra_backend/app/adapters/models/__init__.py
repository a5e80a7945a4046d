"""Language models (``ports.Model``).

- ``pydantic_ai``: any provider that pydantic-ai knows, loaded when it is first asked
- ``whole_answers``, ``missing_usage``: what it makes of answers that are cut short, and of such without usage
"""
