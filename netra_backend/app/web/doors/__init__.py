"""Doors: endpoints in other people's protocols. What each makes of a run's events is in ``core.doors``.

- ``device``: one request's own connection, which delivers as any device of its user's is delivered to
- ``event_stream``: answers as server-sent events
- ``openai``: OpenAI's models and chat completions
"""
