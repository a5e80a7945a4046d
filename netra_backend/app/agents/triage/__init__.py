"""What a message asks: intent, slots, route and reasons. Rules first, a trained classifier second, a model third.

- ``understanding``: the entry; ``parse`` reads it once, ``split_requests`` parts two questions, ``carry_over`` follows up
- ``rules``, ``classifier``, ``decision``, ``llm_intent``: which intent, how sure, and what follows
- ``periods`` with ``calendar_words``, ``dated_periods``, ``relative_periods``: which dates are meant
- ``dimensions``, ``model_names``, ``subject``, ``volumes``: what else is named
- ``text``, ``spelling``, ``lexicon``, ``concepts``: words; lists are in ``lexicon/``, examples in ``utterances/``
- ``features``, ``linear``, ``training``: the classifier itself
- ``intents``: the closed lists; ``evaluation``: how well all of it does
"""
