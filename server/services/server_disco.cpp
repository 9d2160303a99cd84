// server/services/server_disco.cpp: service discovery of the grid domain (XEP-0030, XEP-0115).
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <map>

#include "server/services/disco_node.hpp"
#include "server/services/services.hpp"
#include "server/stream/features.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::services {
namespace {

xml::Element domain_info(
    const std::string* node,
    const std::set<std::string>& features,
    const std::vector<xml::Form>& forms
) {
    xml::Element query("query", xml::ns::disco_info);
    if (node) query.set("node", *node);
    query.add(xml::Element("identity", {{"category", "server"}, {"type", "im"}, {"name", "gridd"}})
    );
    for (const auto& feature : features) query.add(xml::Element("feature", {{"var", feature}}));
    for (const xml::Form& form : forms) query.add(form.to_element());
    return query;
}

xml::Element disco_item(const xml::Jid& jid, std::string name) {
    return xml::Element("item", {{"jid", jid.str()}, {"name", std::move(name)}});
}

/// XEP-0115 §5.1, steps 6 and 7: fields in the order of their names, values in their own.
void append_form(std::string& text, const xml::Form& form) {
    std::map<std::string, std::vector<std::string>> fields;
    for (const xml::FormField& field : form.fields)
        if (field.var != "FORM_TYPE") fields.emplace(field.var, field.values);
    text += std::string(form.form_type()) + '<';
    for (auto& [var, values] : fields) {
        text += var + '<';
        std::ranges::sort(values);
        for (const std::string& value : values) text += value + '<';
    }
}

}   // namespace

std::string caps_hash(const IqTable& table, const std::vector<xml::Form>& forms) {
    std::string text = "server/im//gridd<";
    for (const auto& feature : table.features()) text += feature + '<';
    std::vector<xml::Form> sorted = forms;
    std::ranges::sort(sorted, {}, &xml::Form::form_type);
    for (const xml::Form& form : sorted) append_form(text, form);
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return xml::to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

IqHandler server_info(
    const IqTable& table, const Addresses& addresses, const std::vector<xml::Form>& forms
) {
    // XEP-0115 §6.2: the node that the stream features name is answered too.
    return [own = stream::caps_node(addresses.server().str()) + "#" + caps_hash(table, forms),
            features = table.features(), forms](const pubsub::IqRequest& request) -> IqAnswer {
        const auto* node = request.payload->attr("node");
        if (node && *node != own) return no_disco_node(*node);
        return pubsub::Reply(domain_info(node, features, forms));
    };
}

/// Canonical names only: a client that finds a service here hears of it by the same name.
IqHandler server_items(const Addresses& addresses, const ServerServices& configured) {
    xml::Element items(
        "query", xml::ns::disco_items, {}, disco_item(addresses.broker(), "Broker"),
        disco_item(addresses.controller(), "Controller")
    );
    if (configured.has_proxy) items.add(disco_item(addresses.proxy(), "Byte streams"));
    if (configured.keeps_files) items.add(disco_item(addresses.bulk(), "Files"));
    return [items = std::move(items)](const pubsub::IqRequest& request) -> IqAnswer {
        if (const auto* node = request.payload->attr("node")) return no_disco_node(*node);
        return pubsub::Reply(items);
    };
}

}   // namespace grid::server::services
