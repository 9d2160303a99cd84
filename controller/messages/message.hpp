// controller/messages/message.hpp: traits of a message: may it wait, be archived, be copied? And
// the elements that the server adds to it.
#pragma once

#include <string>
#include <string_view>

#include "storage/batch.hpp"
#include "xml/element.hpp"

namespace grid::controller {

inline const xml::Ns carbons_ns{"urn:xmpp:carbons:2"};
inline const xml::Ns stanza_id_ns{"urn:xmpp:sid:0"};

/// Of a message that is no error: hints in errors are those of the message that failed
/// (XEP-0334 §5). Any thread.
struct MessageTraits {
    /// The message is more than chat states (XEP-0160 §3), and not empty.
    bool has_content = false;
    bool may_wait = false;      // in offline storage: content, or `<store/>`; no `<no-store/>`
    bool is_archived = false;   // XEP-0313 §5.1: a body, or `<store/>`; none of the two hints
    bool is_copied = false;     // XEP-0280 §6.1
};
MessageTraits traits_of(const xml::Element& message);

/// Removes what only this server may say: ids (XEP-0359 §5) and delays (XEP-0203 §4) in the name of
/// an address in its domain. Ids of the sender (`<origin-id/>`) stay.
void strip_forged(xml::Element& message, std::string_view domain);

/// Makes the text of a message one that with_child and carbon know: without a prefix of its own.
inline xml::Element& without_prefix(xml::Element& message) { return message.set_prefix(""); }
/// The message with one more child, as text; `child` is a whole element with its namespace.
std::string with_child(std::string_view message, std::string_view child);
/// XEP-0359.
std::string stanza_id(std::string_view by, std::string_view id);
/// XEP-0203: since when it has waited.
std::string delay(std::string_view from, storage::Millis since);
/// Whether the last child is such an element.
bool is_delayed(std::string_view message, std::string_view from);
/// XEP-0280 §7, §8: the copy for one session, from behind `<message to='…'`. `way` is `received`
/// or `sent`; `message` a whole message in jabber:client.
std::string carbon(
    std::string_view way, std::string_view account, std::string_view type, std::string_view message
);

}   // namespace grid::controller
