// server/services/version.cpp: software version (XEP-0092). The operating system is not told.
#include "server/version.hpp"
#include "server/services/services.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {

void register_version(IqTable& server) {
    server.on(xml::IqType::Get, xml::ns::version, [](const pubsub::IqRequest&) -> IqAnswer {
        return pubsub::Reply(xml::Element(
            "query", xml::ns::version, {}, xml::Element::with_text("name", "gridd"),
            xml::Element::with_text("version", version)
        ));
    });
}

}   // namespace grid::server::services
