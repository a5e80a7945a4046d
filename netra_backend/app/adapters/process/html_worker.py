"""The child process that turns Markdown into HTML, behind walls: text of agents takes neither the server's time nor its files.

The first message out is empty: it is ready. Then each ``{"text": …}`` is answered by ``{"html": …}``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ...services.safe_html import safe_html
from .child_runtime import Pipe, bound_memory
from .sandbox import Sandbox, enter, no_more_threads

_MEMORY: Final = 512 << 20


def serve(pipe: Pipe) -> None:
    """Answer until the parent closes the pipe."""
    safe_html("*")  # loads what it needs
    enter(Sandbox())
    pipe.end_with_parent()
    no_more_threads()
    bound_memory(_MEMORY)
    pipe.send(b"{}")
    while (message := pipe.receive()) is not None:
        pipe.send(msgspec.json.encode({"html": safe_html(message["text"])}))


if __name__ == "__main__":
    serve(Pipe())
