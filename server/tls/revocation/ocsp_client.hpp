// server/tls/revocation/ocsp_client.hpp: is this certificate good? Asked of its OCSP responder.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/config/config.hpp"
#include "server/log.hpp"
#include "server/net/tls_stream.hpp"
#include "server/tls/revocation/ocsp_cache.hpp"

namespace grid::server::tls {

/// The answer, or in `failure` why there is none.
struct OcspVerdict {
    OcspAnswer answer;
    std::string failure;
    std::string der;   // of the answer, for stapling; empty when it came out of the cache
    /// How long it is kept; 0: it is not.
    storage::Millis until = 0;
};

/// On a strand of its own: no connection's thread waits, nor does the core strand. Those who ask
/// about the same certificate while it is being asked about share the answer.
class OcspClient : public std::enable_shared_from_this<OcspClient> {
public:
    using Done = std::function<void(OcspVerdict)>;

    OcspClient(boost::asio::io_context& context, const Config::Tls& settings, Log& log);

    /// Any thread; `done` once, from any. `responder`: instead of the one that the certificate
    /// names. `is_fresh`: not from the cache.
    void ask(OcspSubject subject, std::string responder, bool is_fresh, Done done);

private:
    static boost::asio::awaitable<void> run(
        std::shared_ptr<OcspClient> self, OcspSubject subject, std::string url
    );
    boost::asio::awaitable<OcspVerdict> fetch(const OcspSubject& subject, const std::string& url);
    /// In place of a failure: what the responder said before, when that was "revoked".
    void stay_revoked(const std::string& id, OcspVerdict& verdict) const;
    void answer(const std::string& id, const OcspVerdict& verdict);

    net::Strand strand_;
    Log& log_;
    const std::chrono::milliseconds deadline_;
    const bool with_nonce_;
    const std::size_t questions_max_;   // at one time, each with a descriptor
    StorePtr anchors_;
    OcspCache cache_;
    std::unordered_map<std::string, std::vector<Done>> waiting_;
};

}   // namespace grid::server::tls
