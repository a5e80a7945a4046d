"""Bad days of a real server: clients that are cut off at random, ``kill -9`` under load, and a judge afterwards.

``python -m test_framework.chaos --clients 500 --seconds 120 --cuts`` (see ``docs/reliability.md``).
"""
