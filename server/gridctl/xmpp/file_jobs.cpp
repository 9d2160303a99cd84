// server/gridctl/xmpp/file_jobs.cpp: see server/gridctl/xmpp/file_jobs.hpp.
#include "server/gridctl/xmpp/file_jobs.hpp"

#include <charconv>

#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::gridctl::xmpp {

namespace {

using xml::Element;

const xml::Ns upload_ns{"urn:xmpp:http:upload:0"}, hashes_ns{"urn:xmpp:hashes:2"},
    oob_ns{"jabber:x:oob"};
constexpr const char* link_id = "link";

std::string url_of_slot(const Element& slot, std::string_view name) {
    const Element* part = slot.child(name);
    return part ? std::string(part->attr_or("url", "")) : std::string();
}

}   // namespace

void AskSlot::online(Session& session, bool is_resumed) {
    if (is_resumed || is_done_) return;
    Element request(
        "request", upload_ns,
        {{"filename", file_.name},
         {"size", std::to_string(file_.size)},
         {"content-type", "application/octet-stream"}}
    );
    Element hash("hash", hashes_ns, {{"algo", "sha-256"}});
    request.add(std::move(hash.append(xml::to_base64(file_.sha256))));
    if (!file_.reader.empty())
        request.add(Element(
            "readers", xml::ns::xgrid, {}, Element("reader", xml::Attrs{{"jid", file_.reader}})
        ));
    asked_ = session.request("get", service_, std::move(request));
}

void AskSlot::answered(Session&, const std::string& id, const Element& iq) {
    if (id != asked_) return;
    is_done_ = true;
    if (const Element* slot = iq.child("slot", upload_ns)) {
        put_url_ = url_of_slot(*slot, "put");
        get_url_ = url_of_slot(*slot, "get");
    }
    if (put_url_.empty() || get_url_.empty()) why_ = refusal_in(iq).words();
}

void AskHistory::online(Session& session, bool is_resumed) {
    if (is_resumed || is_done_) return;
    Element download("download");
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty())
            download.add(Element::with_text("param", value, xml::Attrs{{"name", name}}));
    };
    add("topic", span_.topic);
    add("start", span_.start);
    add("end", span_.end);
    add("filter", span_.filter);
    add("format", "ndjson");
    download.add(Element::with_text("transport", "https"));
    asked_ = session.request(
        "get", controller_,
        Element(
            "grid", xml::ns::gi, {{"type", "request"}},
            Element("BulkQuery", xml::ns::gi_controller, {}, std::move(download))
        )
    );
}

void AskHistory::answered(Session&, const std::string& id, const Element& iq) {
    if (id != asked_) return;
    is_done_ = true;
    const Element* grid = iq.child("grid", xml::ns::gi);
    const Element* query = grid ? grid->child_any_ns("BulkQuery") : nullptr;
    const Element* download = query ? query->child_any_ns("download") : nullptr;
    const Element* value = download ? download->child_any_ns("value") : nullptr;
    if (!value) {
        const Refusal refusal = refusal_in(iq);
        why_ = refusal.words();
        outcome_ = refusal.is("item-not-found") ? Outcome::NotFound : Outcome::Refused;
        return;
    }
    url_ = value->attr_or("url", "");
    const std::string_view items = value->attr_or("items", "0");
    std::from_chars(items.data(), items.data() + items.size(), items_);
}

void SendLink::online(Session& session, bool is_resumed) {
    if (!is_resumed && !is_done_) {
        Element link("x", oob_ns, {}, Element::with_text("url", url_));
        if (!description_.empty()) link.add(Element::with_text("desc", description_));
        session.tell(Element(
            "message", xml::ns::client, {{"to", to_}, {"id", link_id}, {"type", "normal"}},
            Element::with_text("body", url_), std::move(link)
        ));
    }
    session.probe();
}

void SendLink::received(Session&, const Element& message) {
    if (message.attr_or("type", "") != "error" || message.attr_or("id", "") != link_id) return;
    why_ = refusal_in(message).words();
    is_done_ = true;
}

void ReceiveLinks::received(Session&, const Element& message) {
    const Element* link = message.child("x", oob_ns);
    const Element* url = link ? link->child("url") : nullptr;
    if (!url || message.attr_or("type", "") == "error") return;
    const Element* description = link->child("desc");
    ReceivedLink taken;
    taken.sender = message.attr_or("from", "");
    taken.url = url->text();
    if (description) taken.description = description->text();
    is_done_ = take_(taken) || is_done_;
}

}   // namespace grid::gridctl::xmpp
