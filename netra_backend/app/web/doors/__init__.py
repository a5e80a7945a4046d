"""Doors: endpoints in other people's protocols. What each makes of a run's events is in ``core.doors``.

- ``device``: one request's own connection, which delivers as any device of its user's is delivered to
- ``entry``: what all of them do with a request before its run begins
- ``event_stream``: answers as server-sent events
- ``openai``: OpenAI's models and chat completions; ``ai_sdk``: the chats of the AI SDK
"""
