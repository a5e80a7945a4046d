"""Asks an agent of Netra's with OpenAI's own client: python ask.py AGENT "message". Reads OPENAI_BASE_URL and OPENAI_API_KEY."""

from __future__ import annotations

import sys

from openai import OpenAI

agent, message = sys.argv[1:3]
stream = OpenAI().chat.completions.create(
    model=agent,
    messages=[{"role": "user", "content": message}],
    metadata={"thread_id": "example"},  # a name of one's own: what is asked next goes on from here
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
