// server/router/addresses.cpp: the addresses of a grid domain.
#include "server/router/addresses.hpp"

#include <algorithm>
#include <stdexcept>

namespace grid::server {
namespace {

xml::Jid must_be_domain(const std::string& text) {
    auto jid = xml::Jid::parse(text, true);
    if (!jid || !jid->is_bare() || !jid->local().empty())
        throw std::runtime_error("'" + text + "' is no domain name");
    return *jid;
}

}   // namespace

Addresses::Addresses(const Config& config)
    : server_(must_be_domain(config.domain)),   // canonical already: the others are, too
      broker_(must_be_domain(config.pubsub.address + "." + config.domain)),
      broker_alias_(must_be_domain(
          (config.pubsub.address == "pubsub" ? "broker." : "pubsub.") + config.domain
      )),
      controller_(must_be_domain("controller." + config.domain)),
      proxy_(must_be_domain("proxy." + config.domain)),
      bulk_(must_be_domain("bulk." + config.domain)) {
    for (const auto& alias : config.controller.aliases)
        controller_aliases_.push_back(must_be_domain(alias));
    if (config.listen.component.empty()) return;
    for (const std::string& text : config.components.known)
        if (auto component = parse_component(text, config.domain))
            components_.push_back(std::move(*component));
}

const Component* Addresses::component(const xml::Jid& to) const {
    const auto found = std::ranges::find_if(components_, [&](const Component& one) {
        return one.domain.domain() == to.domain();
    });
    return found == components_.end() ? nullptr : &*found;
}

const xml::Jid* Addresses::find(std::string_view text) const {
    for (const xml::Jid* own : {&broker_, &controller_, &server_, &proxy_, &bulk_})
        if (own->str() == text) return own;
    return nullptr;
}

controller::Destination Addresses::classify(const xml::Jid& to, const xml::Jid& own) const {
    using controller::Destination;
    if (to.empty() || to == own) return Destination::OwnAccount;
    if (to.domain() == server_.domain())
        return to.local().empty() ? Destination::Server : Destination::Client;
    if (!to.local().empty()) return Destination::Other;
    if (to.domain() == broker_.domain() || to.domain() == broker_alias_.domain())
        return Destination::Broker;
    if (to.domain() == controller_.domain() ||
        std::ranges::any_of(controller_aliases_, [&](const xml::Jid& alias) {
            return alias.domain() == to.domain();
        }))
        return Destination::Controller;
    if (to.domain() == proxy_.domain()) return Destination::Proxy;
    if (to.domain() == bulk_.domain()) return Destination::Bulk;
    return Destination::Other;
}

}   // namespace grid::server
