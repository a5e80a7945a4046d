"""Graphs of LangGraph.

- ``served``: what of a graph is refused, and the agent that it becomes
- ``graph_agent``: one run, to its end
- ``graph_run``: a run as its models, tools and nodes find it, and the places of their calls
- ``chat_models``, ``responses``: chat models in served runs, and what is recorded of them
- ``tool_calls``: tools in served runs
- ``user_mcp``: the tools of the user's MCP servers; ``tool_schemas``: their schemas, as LangChain takes them
- ``nodes``: where a node begins
- ``saver``: LangGraph's checkpoints, in the run's own log
- ``interrupts``: questions to the user; ``written``: what nodes write for the user
- ``store``: LangGraph's store, over the user's values
- ``results``: a graph's input and output
- ``packing``: values and failures, exactly
- ``node_threads``: the threads that nodes run in; ``threads``: code that runs in a thread, and its run on the loop
"""
