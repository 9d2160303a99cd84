# tests/integration/crash/verify.py: the truths about store and readers after a crash.
"""Each check raises Failure with what was expected. Nothing here sends a request."""

from .ledger import NEVER, Failure, before


def surely_wiped(item, wipe):
    """Whether the item was committed before the wipe."""
    return item.known < wipe.sent and wipe.known != NEVER


def may_be_wiped(item, wipe):
    return not wipe.ended < item.sent


def check_store(node, stored):
    """`stored`: the items of the node as the store lists them, oldest first."""
    ids = [item.id for item in stored]
    if len(set(ids)) != len(ids):
        raise Failure(f"{node.name}: an item is there twice: {sorted(ids)[:50]}")
    for item in stored:
        check_present(node, item)
    check_order(f"{node.name} in the store", stored)
    present = set(stored)
    for item in node.items:
        if item.known != NEVER and item not in present and not item.is_gone:
            check_missing(node, item, stored)
    if node.items_max and len(stored) > node.items_max:
        raise Failure(f"{node.name}: {len(stored)} items, {node.items_max} allowed")
    # An item that is gone now must never come back.
    for item in node.items:
        item.is_gone = item not in present


def check_present(node, item):
    if item.node is not node:
        raise Failure(f"{item} is in {node.name}")
    if item.refused:
        raise Failure(f"{item} was refused ({item.refused}), and is in the store")
    if item.is_gone:
        raise Failure(f"{item} was gone, and is in the store again")
    if item.retract and item.retract.known != NEVER:
        raise Failure(f"{item} was retracted, and is in the store")
    if any(surely_wiped(item, wipe) for wipe in node.wipes):
        raise Failure(f"{item} was purged, and is in the store")


def check_order(where, items):
    """Each sender's in its order, and none before one that was sent after it was known."""
    latest = {}
    newest_sent = None
    for item in items:
        publisher, number = item.key
        if latest.get(publisher, -1) >= number:
            raise Failure(f"{where}: {item} comes after #{latest[publisher]}")
        latest[publisher] = number
        if newest_sent and before(item, newest_sent):
            raise Failure(f"{where}: {item} comes after {newest_sent}, which was sent later")
        if newest_sent is None or item.sent > newest_sent.sent:
            newest_sent = item


def check_missing(node, item, stored):
    """The item is known to be committed: something later must have taken it away."""
    if item.retract is not None or any(may_be_wiped(item, wipe) for wipe in node.wipes):
        return
    if node.is_shared_id:
        now_there = [other for other in stored if other.id == item.id]
        if now_there and not before(now_there[0], item):
            return
        raise Failure(f"lost: {item}; under its id there is {', '.join(map(str, now_there))}")
    if node.items_max:
        later = sum(1 for other in node.items if not other.refused and not before(other, item))
        oldest_first = [other for other in stored if before(other, item)]
        if later - 1 >= node.items_max and not oldest_first:
            return
    raise Failure(f"lost: {item}, sent at {item.sent:.3f}, known at {item.known:.3f}")


def check_receipts(reader):
    """What came live or by replay: never what was refused, nothing twice without a crash, in the
    order of the sender."""
    for name, receipts in reader.receipts.items():
        first = {}
        for receipt in receipts:
            item = receipt.item
            if item.refused:
                raise Failure(f"{reader.name} was told of {item}, which was refused")
            earlier = first.get(item)
            if earlier is None:
                first[item] = receipt
            elif earlier.crashes == receipt.crashes:
                raise Failure(
                    f"{reader.name} got {item} twice: in session {earlier.session} and in "
                    f"{receipt.session}, without a crash between"
                )
        check_order(f"{name} to {reader.name}", list(first))


def owed_to(reader, node, stored):
    """Items of the store that must have reached the reader by now, in their order."""
    subscription = reader.subscriptions.get(node.name)
    if subscription is None or subscription.is_ended or subscription.until != NEVER:
        return []
    return [item for item in stored if item.sent > subscription.since]


def may_have_been_hidden(node, item):
    """Beyond max_items when the reader came; a retract can have brought it back into sight."""
    later = (other for other in node.items if not other.refused and not before(other, item))
    return node.items_max is not None and sum(1 for _ in later) - 1 >= node.items_max


def story_of(reader, node, stored, item):
    """What is known of an item that did not come, for whoever looks for the reason."""
    receipts = reader.receipts.get(node.name, [])
    at = stored.index(item)
    around = {other: receipt for receipt in receipts if (other := receipt.item) in stored}
    lines = [f"{item}, number {at} of {len(stored)}, sent {item.sent:.3f}, known {item.known:.3f}"]
    for other in stored[max(0, at - 3) : at + 4]:
        receipt = around.get(other)
        how = "did not come" if receipt is None else (
            f"session {receipt.session}, crashes {receipt.crashes}, at {receipt.at:.3f}"
            + (", delayed" if receipt.is_delayed else "")
        )
        lines.append(f"{other}: {how}")
    lines.append(f"sessions: {reader.log[-6:]}")
    return "\n    ".join(lines)


def check_replay(reader, node, stored, received_before, marker):
    """All that was owed has come, before the marker, in order, and says that it is late."""
    receipts = reader.receipts.get(node.name, [])
    place = {receipt.item: index for index, receipt in reversed(list(enumerate(receipts)))}
    if marker not in place:
        raise Failure(f"{reader.name}: the marker of {node.name} did not come")
    owed = owed_to(reader, node, stored)
    missing = [item for item in owed if item not in place]
    lost = [item for item in missing if not may_have_been_hidden(node, item)]
    if lost:
        raise Failure(
            f"{reader.name} ({reader.habit}, {reader.jid}) never got {len(lost)} of {len(owed)} "
            f"items of {node.name}: {story_of(reader, node, stored, lost[0])}"
        )
    replayed = [item for item in owed if item not in received_before and item in place]
    for item in replayed:
        receipt = receipts[place[item]]
        if place[item] > place[marker]:
            raise Failure(f"{reader.name}: {item} came after a live item of {node.name}")
        if not receipt.is_delayed:
            raise Failure(f"{reader.name}: {item} came late, and without a delay stamp")
    places = [place[item] for item in replayed]
    if places != sorted(places):
        raise Failure(f"{reader.name}: replay of {node.name} is not in the store's order")
    return len(replayed)
