# tests/bench/harness/__init__.py: the parts of tests/bench/run.
