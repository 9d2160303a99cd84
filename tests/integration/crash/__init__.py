# tests/integration/crash/__init__.py: kill -9 under full load, and what must be true then.
