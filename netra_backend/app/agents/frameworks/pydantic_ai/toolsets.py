"""The toolsets of an agent as its runs have them: each call is recorded, whatever kind of toolset it is of."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.toolsets import AbstractToolset, DynamicToolset, ExternalToolset, FunctionToolset

from .tool_options import options_of


class Recorded:
    """Gives the toolsets of an agent, and those that a capability adds to one run, in their recorded form. ``wrap`` makes it for
    those that pydantic-ai knows; ``stateless`` are the ids of toolsets whose sessions users may share."""

    __slots__ = ("_kept", "_stateless", "_wrap")

    def __init__(
        self, wrap: Callable[[AbstractToolset[Any]], AbstractToolset[Any] | None], stateless: frozenset[str]
    ) -> None:
        self._wrap = wrap
        self._stateless = stateless
        self._kept: dict[int, tuple[AbstractToolset[Any], AbstractToolset[Any]]] = {}

    def keep(self, toolsets: list[AbstractToolset[Any]]) -> None:
        """The toolsets of the agent itself. Raises ``UserError`` for one that no run can have for itself, and for metadata of a
        tool that say nothing."""
        leaves: dict[int, AbstractToolset[Any]] = {}

        def note(leaf: AbstractToolset[Any]) -> None:
            leaves[id(leaf)] = leaf

        for toolset in toolsets:
            toolset.apply(note)
        for place, leaf in enumerate(leaves.values(), 1):
            self._kept[id(leaf)] = leaf, self._recorded(leaf, f"toolset-{place}")

    def of_run(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """The same, each part of it recorded."""
        added = 0

        def visit(leaf: AbstractToolset[Any]) -> AbstractToolset[Any]:
            nonlocal added
            kept = self._kept.get(id(leaf))
            if kept is not None and kept[0] is leaf:
                return kept[1]
            added += 1
            return self._recorded(leaf, f"added-{added}")

        return toolset.visit_and_replace(visit)

    def _recorded(self, leaf: AbstractToolset[Any], name: str) -> AbstractToolset[Any]:
        """``name`` is for one that has none: its steps are recorded under it."""
        if isinstance(leaf, ExternalToolset):  # its tools are never called
            return leaf
        if isinstance(leaf, FunctionToolset):
            for tool in leaf.tools.values():
                options_of(tool.tool_def, tool.name)
            return self._wrap(leaf) or leaf
        if is_mcp(leaf):
            return self._mcp(leaf, name)
        if not isinstance(leaf, DynamicToolset):
            leaf = DynamicToolset(leaf.for_run, per_run_step=False, id=leaf.id or name)
        else:
            leaf = DynamicToolset(_isolated(leaf, self._stateless), per_run_step=leaf.per_run_step, id=leaf.id or name)
        return self._wrap(leaf) or leaf

    def _mcp(self, leaf: Any, name: str) -> AbstractToolset[Any]:
        from .mcp_sessions import SessionOfRun, check

        is_shared = leaf.id is not None and leaf.id in self._stateless
        if not is_shared:
            check(leaf)
        template = leaf if leaf._explicit_id is not None else copy.copy(leaf)
        if template is not leaf:
            template.id = name
        wrapped = self._wrap(template)
        if wrapped is None:
            raise UserError(f"The MCP toolset {name} cannot be recorded.")
        if not is_shared:
            wrapped.__class__ = SessionOfRun
        return wrapped


def is_mcp(toolset: object) -> bool:
    """Whether this is a toolset of an MCP server. Loads nothing: if there is one, its module is loaded."""
    module = sys.modules.get("pydantic_ai.mcp")
    return module is not None and isinstance(toolset, module.MCPToolset)


def _isolated(toolset: DynamicToolset[Any], stateless: frozenset[str]) -> Callable[[Any], Any]:
    """What the toolset's function returns opens sessions of its own, even if the function returns what a module shares."""

    async def made(ctx: Any) -> AbstractToolset[Any] | None:
        found = await toolset._evaluate_factory(ctx)
        if found is None:
            return None
        shared: dict[int, Any] = {}

        def note(leaf: AbstractToolset[Any]) -> None:
            if is_mcp(leaf):
                shared[id(leaf)] = leaf

        found.apply(note)
        own: dict[int, AbstractToolset[Any]] = {}
        for place, leaf in shared.items():
            if leaf.id is None or leaf.id not in stateless:
                from .mcp_sessions import check, fresh

                check(leaf)
                own[place] = await fresh(leaf, ctx)
        return found.visit_and_replace(lambda leaf: own.get(id(leaf), leaf))

    return made
