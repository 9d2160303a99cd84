// pubsub/request.hpp: a service's prepared request, and the way it is run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pubsub/principal.hpp"
#include "pubsub/reply.hpp"
#include "storage/decision.hpp"
#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

using Decision = storage::Decision<Reply, xml::StanzaError>;

struct Telling;   // decide/deeds.hpp

/// All that a decision may know of the world. Decided again after a conflict, a request gets the
/// same one.
struct Context {
    Principal actor;
    storage::Millis now = 0;
    std::string
        fresh_id;   // 128 random bits as hex: item ids, subids, instant node names derive from it
    /// Takes the details for the audit of the request that is being decided. Of the decision's own
    /// call (decide/deeds.hpp), never of the caller's context; null: none beside the policy's
    /// operation.
    Telling* telling = nullptr;
};

/// Order among the requests of one sender.
enum class Order {
    Pipelined,   // publish: queued behind each other, answered in order, committed in groups
    Barrier,     // changes of state and reads of pubsub: waits for what is before, is waited for
};

/// The effect of a successful answer on the session that asked (soft state, kept by the session
/// table).
enum class SessionEffect { None, Login, Logout, CopiesOn, CopiesOff, BlockListKnown };

/// A request that was parsed and checked as far as possible without state. `decide` is pure, may be
/// called again after a conflict, and runs on the core strand.
struct PreparedRequest {
    Order order = Order::Barrier;
    std::function<Decision(const Context&)> decide;
    SessionEffect effect = SessionEffect::None;
};

/// An iq get or set addressed to a service, already validated as a stanza.
struct IqRequest {
    xml::IqType type = xml::IqType::Get;
    xml::Jid to;
    /// The one child of the iq; `ancestors` are the elements around it, outermost first, for
    /// prefixes.
    const xml::Element* payload = nullptr;
    std::vector<const xml::Element*> ancestors;
};

/// A service that answers iqs: broker, controller. `prepare` runs on the connection's strand or any
/// thread and may only read immutable settings; what it returns is run on the core strand.
class IqService {
public:
    virtual ~IqService() = default;
    /// nullopt: this service does not know the payload (the router answers service-unavailable).
    virtual std::optional<Result<PreparedRequest, xml::StanzaError>> prepare(
        const IqRequest& request
    ) = 0;
};

}   // namespace grid::pubsub
