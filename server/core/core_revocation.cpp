// server/core/core_revocation.cpp: streams end with the certificates that they rest on (RFC 6120
// §13.7.2.3).
#include <algorithm>

#include "server/clock.hpp"
#include "server/core/core.hpp"

namespace grid::server {

namespace {
/// A CRL may name a million certificates: so many are looked up before others have their turn.
constexpr std::size_t links_per_turn = 500;
}   // namespace

void Core::end_stream(const SessionPtr& session, const std::string& why) {
    if (!session->is_open()) return;
    fanout_.end(session, xml::StreamError{"reset", why, {}});
    controller_.record_session(
        *session->identity, "certificate-end", session->principal.address, why
    );
}

void Core::close_expired() {
    for (const SessionPtr& session : sessions_.take_expired(now()))
        end_stream(session, "your certificate has expired");
}

void Core::find_certificate(std::string link, std::function<void(bool)> done) {
    boost::asio::post(strand_, [this, link = std::move(link), done = std::move(done)] {
        done(!sessions_.by_certificate(link).empty() || transfers_.rests_on(link));
    });
}

void Core::revoke(std::vector<std::string> links) {
    auto shared = std::make_shared<const std::vector<std::string>>(std::move(links));
    boost::asio::post(strand_, [this, shared] { revoke_some(shared, 0); });
}

void Core::revoke_some(std::shared_ptr<const std::vector<std::string>> links, std::size_t from) {
    const std::size_t end = std::min(links->size(), from + links_per_turn);
    for (std::size_t i = from; i < end; ++i) {
        transfers_.revoke((*links)[i]);
        for (const SessionPtr& session : sessions_.by_certificate((*links)[i]))
            end_stream(session, "your certificate was revoked");
    }
    fanout_.flush();
    if (end < links->size())
        boost::asio::post(strand_, [this, links, end] { revoke_some(links, end); });
}

}   // namespace grid::server
