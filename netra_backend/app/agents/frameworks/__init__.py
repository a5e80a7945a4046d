"""Agents of other frameworks, run with every model request and tool call in the journal. Each package imports its framework, so
it is imported by the public module of that framework alone.

- ``langgraph``: graphs of LangGraph
- ``openai_agents``: agents of the OpenAI Agents SDK
- ``pydantic_ai``: agents of pydantic-ai
"""
