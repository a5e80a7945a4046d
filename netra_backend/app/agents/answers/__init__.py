"""How the cost optimizer answers: a module for each kind of question.

- ``by_model``: an answer that a language model gives, whose figures are all the tools'
- ``asked``: a question as these modules see it, and the answer
- ``spending``: what was spent, split, over time, and the forecast
- ``saving``: what could be spent instead
- ``counts``: requests, tokens, latency and failures
- ``prices``: list prices
- ``help``: what can be asked, and what cannot
"""
