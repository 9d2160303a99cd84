// server/router/addresses.hpp: which address is whose: server, broker, controller, an account, or
// elsewhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/controller.hpp"
#include "server/config/config.hpp"
#include "xml/jid.hpp"

namespace grid::server {

/// Made once from the configuration, then constant: any thread.
class Addresses {
public:
    explicit Addresses(const Config& config);

    /// `own` is the bare JID of the sender.
    controller::Destination classify(const xml::Jid& to, const xml::Jid& own) const;

    /// One of ours that is written exactly so: most stanzas go there, and need no preparation.
    const xml::Jid* find(std::string_view text) const;

    /// The component whose address it is (XEP-0114); null: it is none's.
    const Component* component(const xml::Jid& to) const;

    const xml::Jid& server() const { return server_; }
    const xml::Jid& broker() const { return broker_; }
    const xml::Jid& controller() const { return controller_; }
    /// Of SOCKS5 byte streams (XEP-0065), and of files and bulk data by HTTPS.
    const xml::Jid& proxy() const { return proxy_; }
    const xml::Jid& bulk() const { return bulk_; }

private:
    xml::Jid server_, broker_, broker_alias_, controller_, proxy_, bulk_;
    std::vector<xml::Jid> controller_aliases_;
    std::vector<Component> components_;
};

}   // namespace grid::server
