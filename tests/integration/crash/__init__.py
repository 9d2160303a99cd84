# tests/integration/crash: kill -9 under full load, again and again, and what must be true afterwards.
