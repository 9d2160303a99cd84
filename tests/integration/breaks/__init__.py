# tests/integration/breaks/__init__.py: many clients behind a network that breaks, and what holds.
