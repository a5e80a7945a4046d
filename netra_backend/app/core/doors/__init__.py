"""Other people's protocols, each as a pure fold of a run's events: what a client reads of a prefix and of the rest is what it
reads of all. A door has no state of its own, so a reconnect is a read of the log.

- ``answers``: what of a run's events is its answer, for all doors
- ``streamed_texts``: what of a text is new, over several attempts
- ``thread_ids``: which thread a client means
- ``openai_chat``: the chat completions of OpenAI; ``ai_sdk``: the messages of the AI SDK
"""
