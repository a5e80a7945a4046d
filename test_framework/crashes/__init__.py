"""Kills a real server after every event of a run, starts it again, and judges what came of the run.

- ``walk``: ``walk_boundaries``, what a test calls
- ``judge``: whether a run that was interrupted kept every promise; ``report``: what a walk found, for people
- ``request_follower``: one request as its user sees it, over the server's end
- ``zygote``: a process that has everything loaded and forks servers; ``fork_server``: how it is asked to
- ``example``: agents that do all that an agent can do
- ``moment``: the commit before or after which a server ends itself
"""
