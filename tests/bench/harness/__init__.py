# tests/bench/harness: what tests/bench/run is made of.
