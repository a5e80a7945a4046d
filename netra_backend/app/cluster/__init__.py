"""The other processes of this server: what they are asked, what they ask, and what is done from time to time because of them.

``peer_client``                asks and notifies them (``ports.Peers``)
``command_handler``            carries out what they ask
``joining``                    makes a process one of several
``takeover``                   polls for runs that nobody holds, and has them resumed
``periodic_tasks``             what one process among others does from time to time; ``recurring`` is one such task
``counts_exchange``            tells the others what users hold here, so that limits hold for all together
``broadcasting_revocations``   revocations that reach the others at once
"""
