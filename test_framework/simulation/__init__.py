"""A simulation of servers, users and their bad days: many schedules from seeds, judged afterwards.

Everything that the product does on its loop runs as it is (core, turns, engines, connections, pool, catch-up), over the
in-memory event log and a loop whose time is virtual. What is made up is the outside: networks, devices, users, disks that
fail, processes that die. A schedule is a list of actions; a seed makes one and decides every delay, so that it repeats.
"""
