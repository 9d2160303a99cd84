# tests/integration/cluster/__init__.py: several servers and several etcds on loopback, whose links
# can be cut.
