// server/services/entity_time.cpp: the server's time (XEP-0202). Its time zone is UTC.
#include "server/clock.hpp"
#include "server/services/services.hpp"
#include "xml/datetime.hpp"

namespace grid::server::services {

IqAnswer answer_time(const pubsub::IqRequest& request) {
    if (!request.payload->is("time", time_ns)) return xml::bad_request("expected <time/>");
    return pubsub::Reply(xml::Element(
        "time", time_ns, {}, xml::Element::with_text("tzo", "+00:00"),
        xml::Element::with_text("utc", xml::to_datetime(now()))
    ));
}

}   // namespace grid::server::services
