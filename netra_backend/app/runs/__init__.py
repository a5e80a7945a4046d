"""Runs: from a request to the end of what came of it.

``service``             the pipeline of a request: check, answer a known key, acquire the thread, admit, record, start
``new_message``         what a request brings: words, parts, files, and what it supersedes
``commands``            what is said about runs: cancel, decide on a call, end or delete all of a user's or a thread's
``recovery``            goes on with runs that other processes, or this one before its restart, left unfinished
``scheduler``           the runs that are here: the queue of each thread, the scope of each engine, stop, drain
``parking``             those that have left memory until a time; ``waking`` goes on with them then
``active_run``          one of them
``accepted_requests``   idempotency keys, and the first answers to them
``changing_hands``      what is tried again while a thread passes from one process to another
``requester``           somebody whose socket ends in another process
``frozen_runs``         the runs whose code held up this process
``parts``               what all of these work with
"""
