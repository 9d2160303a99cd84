# tests/integration/breaks/checks.py: tells what a subscriber has missed, or got wrong.
"""Pure functions of what was seen."""

# A server that cannot ask its client (no XEP-0198) takes bytes as read that TCP acknowledged that
# long ago.
READ_SECONDS = 5
# The least that an item of the storm takes on the wire, with its part of a TLS record.
ITEM_BYTES_MIN = 300


def dropped_items(loss):
    """How many items a subscriber without stream management may lack at the most after its line
    lost this much: bytes of which TCP had told the server that they have arrived, and so long
    before, or with so orderly an end, that it had to take them as read. Anything else is to be sent
    again."""
    if loss is None or not (loss.is_orderly or loss.seconds >= READ_SECONDS):
        return 0
    return loss.bytes // ITEM_BYTES_MIN


def repeated_faults(order, acknowledged, receipts, may_lack):
    """Of items that their publishers may have published twice, under the same id: each that was
    acknowledged is there, and came. Their places mean nothing."""
    found = [f"{item} was acknowledged and is gone" for item in acknowledged if item not in order]
    missing = set(order) - {item for _, item in receipts}
    if len(missing) > may_lack:
        found.append(f"{len(missing)} never came: {sorted(missing)[:5]}")
    return found[:5]


def faults(order, acknowledged, receipts, dropped=None):
    """The first few things that are wrong, as sentences.

    `order` is all the items of a topic as the server has them at the end, oldest first;
    `acknowledged` are those that their publishers have an answer for; `receipts` is what one
    subscriber got, from before the first item on: (session, item), where a session that was resumed
    goes on. In one session each item comes once, in order, and none is left out; a new session
    begins with the first one that has not come yet, or an earlier one. `dropped` says how many
    items the network may have dropped for good at the end of a session."""
    dropped = dropped or {}
    place = {item: number for number, item in enumerate(order)}
    found = [f"{item} was acknowledged and is gone" for item in acknowledged if item not in place]
    reached, session, last = -1, None, None
    for this_session, item in receipts:
        if item not in place:
            found.append(f"{item} came and is gone")
            continue
        here = place[item]
        if this_session != session:
            lost = here - reached - 1
            since = session or 0
            excused = sum(dropped.get(number, 0) for number in range(since, this_session))
            if lost > excused:
                found.append(f"session {this_session} begins with {item}: {lost} lost")
        elif here != last + 1:
            what = "again" if here <= last else f"after {here - last - 1} lost"
            found.append(f"in session {this_session} {item} came {what} after {order[last]}")
        session, last, reached = this_session, here, max(reached, here)
    if reached + 1 < len(order):
        found.append(f"{len(order) - reached - 1} items are missing at the end")
    return found[:5]
