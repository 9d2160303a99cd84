// pubsub/reply.hpp: the answer to a request that was decided, and the iq that carries it.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "xml/element.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// Work that the server has promised in a reply, and begins when the reply has gone out. Its maker
/// and the one that does it know its type.
struct Sequel {
    Sequel() = default;
    virtual ~Sequel() = default;
    Sequel(const Sequel&) = default;
    Sequel& operator=(const Sequel&) = default;
};

/// The answer to an iq. A request that was refused as a whole has an error in its place.
struct Reply {
    std::optional<xml::Element> payload;   // none: a bare result
    /// The reply is an error although something was changed, or carries more than an error
    /// (§8.8.2.4: "the pubsub service MUST return the entries which caused the error"): behind the
    /// payload in an `<iq type='error'/>`.
    std::optional<xml::StanzaError> error = {};
    /// Messages to the requester that come before the reply (XEP-0313 §5). The interface writes the
    /// addresses; one that has no messages (HTTP) leaves them out.
    std::vector<xml::Element> messages = {};
    /// Null: none. An interface that has no sessions leaves it out.
    std::shared_ptr<const Sequel> sequel = {};

    Reply() = default;
    Reply(xml::Element answer) : payload(std::move(answer)) {}
};

/// The iq that answers `request`: a result with the payload, or an error with payload and
/// `<error/>`. Addresses swapped, same id. The messages are left to the caller.
xml::Element to_iq(const xml::Element& request, Reply reply);

}   // namespace grid::pubsub
