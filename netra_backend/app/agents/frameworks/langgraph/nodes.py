"""Where a node of a graph begins: LangGraph tells its callbacks, in the context that the node's own code will have."""

from __future__ import annotations

from typing import Any, Final

from langchain_core.callbacks import BaseCallbackHandler

from .graph_run import GraphRun, namespace

_NODE_TAG: Final = "graph:step:"
"""LangGraph's mark of a node's own run, which what the node calls does not inherit. A task of a flow only has its own name."""


class NodeWatch(BaseCallbackHandler):
    """Has each node, also of subgraphs, begin its line of calls when it is run."""

    run_inline = True
    raise_error = True

    def __init__(self, run: GraphRun) -> None:
        self._run = run

    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """A node begins, or something inside of one."""
        told = metadata or {}
        name = str(told.get("langgraph_checkpoint_ns", ""))
        if any(tag.startswith(_NODE_TAG) for tag in tags or ()) or (name and name != namespace()):
            self._run.enter_node(
                str(told.get("langgraph_node", "")),
                int(told.get("langgraph_step", 0)),
                told.get("langgraph_path", ()),
                name,
            )
