// pubsub/reply.hpp: from a reply to the iq that carries it.
#pragma once

#include <vector>

#include "pubsub/request.hpp"
#include "xml/element.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// A reply that is an error although something was changed, or that must carry more than an error
/// (§8.8.2.4: "the pubsub service MUST return the entries which caused the error"): `payload` and
/// `<error/>` in an `<iq type='error'/>` of their own.
Reply failed_reply(xml::Element payload, const xml::StanzaError& error);

/// Whether the reply was made by failed_reply: its children belong into an `<iq type='error'/>`.
bool is_failed(const Reply& reply);

/// A reply that comes behind messages to the requester (XEP-0313 §5). The interface writes the
/// addresses; one that has no messages (HTTP) leaves them out.
Reply reply_after(std::vector<xml::Element> messages, xml::Element payload);
/// Takes the messages off and returns them; the rest is the reply.
std::vector<xml::Element> take_messages(Reply& reply);

}   // namespace grid::pubsub
