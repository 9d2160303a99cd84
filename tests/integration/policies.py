# tests/integration/policies.py: the policy texts that the tests install.
"""One place, so that a change of the language changes one file."""

# Everybody with an approved account may do everything; nodes' own access models still count.
EVERYTHING = """\
allow group everyone to discover, create, publish, subscribe, retrieve on *
"""

# Sensors publish, desks read, nobody else does anything.
SENSORS_AND_DESKS = """\
allow group sensors to discover, create, publish on incidents/*
allow group desks to discover, subscribe, retrieve on incidents/*
"""

# Topics can be seen, and nothing else.
SEE_ONLY = """\
allow group everyone to discover on *
"""

NOTHING = """\
deny group everyone to discover, create, publish, subscribe, retrieve on *
"""
