# tests/bench/harness/__init__.py: what tests/bench/run is made of.
