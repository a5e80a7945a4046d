"""Remembers what its user tells it, in all threads: an agent with a memory.

``netra serve --app agent`` serves it from this directory.
"""

from __future__ import annotations

from netra_server import AgentResult, RunScope


class Notes:
    """Keeps a user's notes: each message that begins with "remember" is one."""

    name = "notes"
    description = "Remembers what you tell it."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Add a note, or list them all."""
        notes = await scope.state.get("notes", scope="user") or []
        word, _, rest = scope.message.partition(" ")
        if word.casefold() == "remember" and rest:
            notes = [*notes, rest]
            await scope.state.set("notes", notes, scope="user", visible=True)
            return AgentResult(f"I have {len(notes)} notes of yours.", {"notes": notes})
        return AgentResult(
            "\n".join(f"- {note}" for note in notes) or "You have told me nothing yet.", {"notes": notes}
        )


AGENTS = [Notes]
