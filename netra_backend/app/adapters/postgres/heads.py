"""Heads of threads in memory beside what PostgreSQL knows of them."""

from __future__ import annotations

from ...core.history import ThreadHead


def is_certain(head: ThreadHead) -> bool:
    """Whether the store cannot know better: the thread is ours, or nobody's for ever."""
    return bool(head.fence) or not head.owner


def bring_up(head: ThreadHead, owner: str, epoch: str, title: str, oldest: int, top: int) -> None:
    """Make the head what the store knows of it. One that is ahead of the store stays as it is."""
    if top >= head.top or not owner:
        head.owner, head.epoch, head.title, head.oldest = owner, epoch, title, oldest
        head.top = head.durable = top
        head.stored = True
