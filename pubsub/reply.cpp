// pubsub/reply.cpp: see reply.hpp.
#include "pubsub/reply.hpp"

#include "xml/stanza.hpp"

namespace grid::pubsub {

xml::Element to_iq(const xml::Element& request, Reply reply) {
    xml::Element iq = xml::iq_result(request, std::move(reply.payload));
    if (!reply.error) return iq;
    iq.set("type", "error");
    iq.add(reply.error->to_element());
    return iq;
}

}   // namespace grid::pubsub
