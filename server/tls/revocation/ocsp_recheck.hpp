// server/tls/revocation/ocsp_recheck.hpp: asks again about certificates on which streams rest, as
// what their responder said ends (RFC 6120 §13.7.2.3).
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/net/tls_stream.hpp"
#include "server/tls/revocation/ocsp_client.hpp"

namespace grid::server::tls {

/// When which certificate is asked about. Pure, for one strand.
class RecheckPlan {
public:
    struct Entry {
        OcspSubject subject;
        storage::Millis since = 0, next = 0;
        bool is_asked = false;   // the answer is on its way
    };
    /// From a login: `until` is how long the answer may be gone by, 0 where there was none. Beyond
    /// `entries_max` the certificate is not watched.
    void watch(
        const std::string& link, OcspSubject subject, storage::Millis until, storage::Millis now
    );
    /// Certificates to be asked about now, at most `max`; each once, until `put_off` or `drop`.
    std::vector<std::pair<std::string, OcspSubject>> take_due(storage::Millis now, std::size_t max);
    /// No stream uses the certificate: forgotten, unless it is so new that its stream may only be
    /// beginning.
    void drop(const std::string& link, storage::Millis now);
    void put_off(const std::string& link, storage::Millis until, storage::Millis now);
    std::size_t size() const { return entries_.size(); }

private:
    void set_next(const std::string& link, Entry& entry, storage::Millis next);

    std::unordered_map<std::string, Entry> entries_;   // by link
    std::set<std::pair<storage::Millis, std::string>> due_;
};

class OcspRecheck : public std::enable_shared_from_this<OcspRecheck> {
public:
    /// Whether any stream rests on the certificate; `done` from any thread.
    using InUse = std::function<void(std::string link, std::function<void(bool)> done)>;
    using OnRevoked = std::function<void(std::vector<std::string>)>;

    OcspRecheck(
        boost::asio::io_context& context, std::shared_ptr<OcspClient> client, std::string responder
    );
    void start(InUse in_use, OnRevoked on_revoked);
    void stop();
    /// Any thread. `link`: as in controller::Identity::path.
    void watch(std::string link, OcspSubject subject, const OcspVerdict& verdict);

private:
    void look();
    void ask(const std::string& link, const OcspSubject& subject);
    void take(const std::string& link, const OcspVerdict& verdict);

    net::Strand strand_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<OcspClient> client_;
    const std::string responder_;
    InUse in_use_;
    OnRevoked on_revoked_;
    RecheckPlan plan_;
    std::size_t asked_ = 0;
    bool is_stopped_ = false;
};

}   // namespace grid::server::tls
