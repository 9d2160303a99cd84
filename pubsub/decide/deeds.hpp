// pubsub/decide/deeds.hpp: the audit's view of each request: its name, its target, its details.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pubsub/model/state.hpp"
#include "pubsub/request.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

/// Filled in while one request is decided.
struct Telling {
    Deed deed;                       // the request's own; without a name it is a mere question
    std::vector<Deed> parts;         // further deeds of the request, or its details
    bool is_told_by_parts = false;   // the parts say it all
    bool is_refusal_told = false;    // the policy's refusal is on record already
};

/// The context of one decision, whose details for the audit are noted in `telling`. The caller's
/// context stays as it is, so that it may be decided under again, in the same way.
Context noting(const Context& context, Telling& telling);
/// As far as the request itself says it.
Telling telling_of(const Request& request, const Principal& actor);
/// Something that the request does besides, or a part of it.
void tell(const Context& context, Deed part);
/// One account of several that a request changes: instead of the request's own record.
void tell_instead(const Context& context, Deed part);
/// How many records a commit adds.
std::size_t records_of(const Context& context);

/// Decides with a telling in the context; a change that is refused for another reason than the
/// policy's is put on record, too.
Decision decide_on_record(
    const BrokerState& broker, const Context& context, const Request& request
);
/// The same for a publish that could not even be parsed.
Decision refuse_on_record(
    const BrokerState& broker,
    const Context& context,
    const std::string& node,
    const xml::StanzaError& error
);

/// The policy's refusal, or one by a node's own rules.
void note_refusal(
    const BrokerState& broker,
    const Context& context,
    Right operation,
    std::string_view node,
    const Verdict& verdict
);
/// The acts that a batch's audit records name.
std::vector<Deed> deeds_of(const Context& context, Right operation);

}   // namespace grid::pubsub
