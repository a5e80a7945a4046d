"""One module for each format of usage rows; ``registry`` lists them.

- ``litellm``, ``langfuse``, ``otel``: logs of gateways and tracers
- ``openai_usage``, ``anthropic_usage``: the usage APIs of providers; ``buckets`` is what they have in common
- ``netra``: what a server of Netra used itself
- ``table``: any CSV, JSON or Parquet table by a mapping; ``table_names`` holds what columns are usually called
- ``azure_llm_2023``, ``mooncake``, ``tracelab``: published traces
"""
