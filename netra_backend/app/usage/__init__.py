"""The money: usage rows, prices and what follows from them. Knows neither users nor sockets.

- ``importers``: from files to rows; ``rows`` is the table, ``scope`` chooses rows by period and filter
- ``pricing``, ``priced``, ``price_lookup``, ``model_names``, ``money``: what a row costs; ``request_price``: one request
- ``summary``, ``history``, ``forecast``, ``anomalies``, ``excess``, ``stl``, ``profile``: what was spent, and why
- ``savings`` with ``levers``, ``what_if``: what could be spent instead
- ``query``, ``raw_sql``, ``raw_sql_lists``, ``questions``: questions from outside, and what they may be
- ``report`` with ``report_parts``: the one report
- ``report_text``, ``report_markdown``, ``report_html``, ``markdown``, ``svg``: what renders it
- ``number_check`` with ``figures``, ``written_numbers``, ``number_words``: whether a text holds only computed figures
- ``side_by_side``: uses both cores
"""
