// storage/keys.hpp: the owners of keys and events. The grammar of each is in storage/README.md.
#pragma once

namespace grid::storage {

/// First byte of every key in Control and Index, and of every event. Durable: DO NOT CHANGE.
enum class Tag : char {
    // pubsub
    NodeName = 'N',       // name → uid
    Node = 'n',           // uid → configuration, epoch, creator
    Affiliation = 'a',    // uid, bare JID
    Subscription = 's',   // uid, subscriber JID, subid
    Guard = 'g',          // uid: rules over many records of a node
    Item = 'i',           // Index: uid, epoch, item id
    Hidden = 'h',         // uid: items up to that revision are not shown any more
    Lost = 'l',           // uid: retention has erased items up to that revision
    CursorKey = 'K',      // key with which archive ids and cursors are enciphered
    Trash = 't',          // records that became unreachable and are erased later
    Position = 'o',       // subscriber JID → its delivery position
    PubsubMeta = 'p',     // guards of rules over all nodes
    Edge = 'e',           // uid of a collection, uid of its child
    Leaver = 'L',         // bare JID of a deleted account: what it had at the broker is removed
    // controller
    Account = 'A',        // bare JID
    AccountGuard = 'C',   // one record per place for a PENDING account, per trust anchor
    Group = 'G',
    Policy = 'P',       // head and versions
    Topic = 'T',        // directory: capability, schema, queries, …
    Provider = 'V',     // topic, bare JID: a registration as publisher
    Settings = 'S',     // what administrators set over the configuration, greetings
    Visit = 'U',        // when an account logged in
    Profile = 'v',      // Payload: an account's vCard
    Schema = 'x',       // schema documents, and which topic has which
    Notice = 'Q',       // notices for an account
    AuditCut = 'B',     // up to where the audit was cut
    Credential = 'W',   // bare JID: keys that stand for its password
    Message = 'm',    // Index and Payload: bare JID, revision: a message that waits for its account
    Archived = 'M',   // Index and Payload: bare JID, revision: a message of an account's archive
    ArchiveRules = 'f',     // bare JID: what its archive takes
    BlockList = 'b',        // bare JID: the addresses that its account has blocked
    Contact = 'R',          // owner, contact: a roster item; no contact: the last removal
    ContactRequest = 'r',   // owner, contact: a subscription request that waits
    File = 'F',             // id: a file that clients exchange by HTTPS
    AdminAct = 'X',         // events only: what an administrator did that is no record
    Probe = 'Y',            // of no meaning: how long a batch takes
};

}   // namespace grid::storage
