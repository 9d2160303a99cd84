# tests/integration/walk/__init__.py: random walks over what gridd does, and what must hold.
