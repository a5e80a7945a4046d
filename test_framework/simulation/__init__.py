"""A simulation of servers, users and faults: many schedules from seeds, judged afterwards.

The product's own code runs as it is, over the in-memory event log and a loop with virtual time. Networks, devices, users, disks
that fail and processes that die are simulated. A seed decides every action and every delay, so that it repeats exactly.

- ``command``: ``netra simulate``; ``simulating``: seeds, and the shortest schedule that still fails; ``schedule``: actions
- ``world``, ``process``: one server after the other; ``fleet_world``, ``fleet_process``: several at once
- ``device``, ``link``, ``workers``: users' devices, their network, and the agents they ask
- ``virtual_loop``: the loop; ``safeguards``: what can be removed, to see the judge notice
- ``truth``, ``views``, ``judge``: what happened, what devices saw, and whether every promise was kept
"""
