// server/router/iq_table.hpp: the handlers of iqs to the server or to one's own account.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "pubsub/request.hpp"

namespace grid::server {

using IqAnswer = Result<pubsub::Reply, xml::StanzaError>;
/// Runs on the connection's strand: may read only what never changes.
using IqHandler = std::function<IqAnswer(const pubsub::IqRequest&)>;

/// Filled while the program is put together, then constant. A new XEP is one file in services/ and
/// one line there.
class IqTable {
public:
    void on(xml::IqType type, const xml::Ns& ns, IqHandler handler) {
        handlers_[{type, std::string(ns.uri())}] = std::move(handler);
    }
    std::optional<IqAnswer> answer(const pubsub::IqRequest& request) const {
        auto found = handlers_.find({request.type, std::string(request.payload->ns().uri())});
        if (found == handlers_.end()) return std::nullopt;
        return found->second(request);
    }

private:
    std::map<std::pair<xml::IqType, std::string>, IqHandler> handlers_;
};

}   // namespace grid::server
