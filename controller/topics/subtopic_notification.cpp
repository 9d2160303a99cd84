// controller/topics/subtopic_notification.cpp: see controller/topics/subtopic_notification.hpp.
#include "controller/topics/subtopic_notification.hpp"

#include <memory>
#include <string>

#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller {

void notify_subtopic(
    const pubsub::SubtopicChanged& event,
    storage::Revision revision,
    storage::Millis now,
    const Settings& settings,
    const Directory& directory,
    SessionControl& control
) {
    pubsub::Notification out;
    for (const Provider& provider : directory.providers(event.topic, now))
        out.to.insert(out.to.end(), provider.online.begin(), provider.online.end());
    if (out.to.empty()) return;
    const xml::Element grid(
        "grid", xml::ns::gi, {{"type", "notification"}},
        xml::Element(
            "SubtopicNotification", xml::ns::gi_controller,
            {{"action", event.is_created ? "created" : "deleted"}},
            xml::Element::with_text("topicName", event.topic),
            xml::Element::with_text("subtopicName", event.name),
            xml::Element::with_text("filter", event.filter)
        )
    );
    std::string rest(" from='");
    xml::append_escaped_attr(rest, settings.address.str());
    rest += "' id='subtopic-" + std::to_string(revision) + "' type='normal'>";
    xml::write(rest, grid, xml::ns::client.uri());
    rest += "</message>";
    out.rest = std::make_shared<const std::string>(std::move(rest));
    control.notify(std::move(out));
}

}   // namespace grid::controller
