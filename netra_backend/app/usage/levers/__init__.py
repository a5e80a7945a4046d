"""One module for each way to spend less.

- ``lever``: what a lever is; ``log``: the priced rows as arrays, which all of them compute on
- ``prompt_cache`` with ``prefix_replay``: caching prompt prefixes
- ``right_size``, ``provider_change``, ``batch``, ``off_peak``: the same tokens at other prices, by ``repricing``
- ``output_length``, ``prompt_trim``: shorter answers and prompts, compared within ``classes``
- ``context_growth``: old turns that are sent again
- ``retries``, ``duplicates``: paid for nothing, or paid twice
"""
