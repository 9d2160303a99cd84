// server/router/iq_table.hpp: which iqs the server answers itself, and what is told of them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/request.hpp"

namespace grid::server {

using IqAnswer = Result<pubsub::Reply, xml::StanzaError>;
/// Runs on the connection's strand: may read only what never changes.
using IqHandler = std::function<IqAnswer(const pubsub::IqRequest&)>;

/// Is its namespace a feature of the address's disco#info (XEP-0030 §3)?
enum class Discovery { Listed, Unlisted };
/// Accounts that are not enabled yet may use few services.
enum class UsedBy { EveryAccount, EnabledAccounts };
/// A service that is answered at once does not wait for the requests before it.
enum class Answered { InTurn, AtOnce };

/// The services of one address: a row of this table feeds the answers, service discovery and the
/// confinement. Filled while the program is put together, then constant.
class IqTable {
public:
    struct Row {
        xml::IqType type;
        xml::Ns ns;
        IqHandler answer;
        Discovery discovery = Discovery::Listed;
        UsedBy used_by = UsedBy::EnabledAccounts;
        Answered answered = Answered::InTurn;
    };

    void add(Row row) {
        std::string ns(row.ns.uri());
        if (row.discovery == Discovery::Listed) features_.insert(ns);
        if (row.used_by == UsedBy::EveryAccount) open_.insert(ns);
        rows_.insert_or_assign({row.type, std::move(ns)}, std::move(row));
    }
    /// A feature whose requests another part answers.
    void list(const xml::Ns& ns) { features_.insert(std::string(ns.uri())); }

    /// A service for every account that another part answers.
    void open(const xml::Ns& ns) { open_.insert(std::string(ns.uri())); }

    /// Null: the server answers no such iq.
    const Row* find(const pubsub::IqRequest& request) const {
        const auto found = rows_.find({request.type, std::string(request.payload->ns().uri())});
        return found == rows_.end() ? nullptr : &found->second;
    }
    /// In order (XEP-0115 §5.1).
    const std::set<std::string>& features() const { return features_; }
    /// Namespaces of the services for every account.
    const std::set<std::string>& open() const { return open_; }

private:
    std::map<std::pair<xml::IqType, std::string>, Row> rows_;
    std::set<std::string> features_, open_;
};

}   // namespace grid::server
