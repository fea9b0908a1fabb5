"""The clouds, simulated: one loopback HTTP server that speaks the five documented image APIs and checks signatures.

Start it in a test with `Simulator` (server.py) or the `cloud` fixture (fixtures.py), by hand with `manage
simulate_clouds` or `python -m tests.clouds`. It imports no cloud SDK and no Django: what it knows, it knows from the
documents.
"""
