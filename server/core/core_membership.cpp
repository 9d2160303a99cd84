// server/core/core_membership.cpp: the server as a member of a cluster: requests while it is cut
// off, answers that wait for the others, streams that are sent elsewhere.
#include <algorithm>

#include "controller/administration/act_event.hpp"
#include "controller/messages/block_lists.hpp"
#include "server/core/core.hpp"
#include "server/pipeline/storage_error.hpp"

namespace grid::server {

namespace {
/// Clients that are sent elsewhere come there at the same time.
constexpr std::size_t sent_at_once = 50;
constexpr auto sent_every = std::chrono::milliseconds(50);

/// cluster.clients is a port of XMPP over TCP: a client of HTTP comes again by its own address.
xml::StreamError see_other_host(const std::string& address, TransportKind carrier) {
    const bool is_http = carrier == TransportKind::WebSocket || carrier == TransportKind::Bosh;
    if (address.empty() || is_http)
        return {"system-shutdown", "this member of the grid is being drained: connect again", {}};
    xml::StreamError error{"see-other-host", "this member of the grid is being drained", {}};
    error.condition_text = address;
    return error;
}
}   // namespace

void Core::attach(Membership& membership) {
    membership_ = &membership;
    router_.attach([this](const xml::Element& stanza) { return refuse_when_cut_off(stanza); });
}

/// Fail closed: rights may have been taken away meanwhile. Answers and presence take nobody's.
std::optional<xml::StanzaError> Core::refuse_when_cut_off(const xml::Element& stanza) const {
    const std::string_view type = stanza.attr_or("type", "");
    const bool is_request = stanza.name() == "iq"        ? type == "get" || type == "set"
                            : stanza.name() == "message" ? type != "error"
                                                         : false;
    if (!is_request || !is_cut_off()) return std::nullopt;
    return not_ready();
}

bool Core::is_for_all(const storage::Committed& committed) {
    if (membership_ == nullptr) return false;
    const bool has_changed = controller_.revision() != rights_told_;
    rights_told_ = controller_.revision();
    if (membership_->acknowledges_everywhere() && !committed.batch.is_volatile) return true;
    return has_changed || controller::decode_block_event(committed.batch.event) ||
           controller::administration::decode_act_event(committed.batch.event);
}

void Core::when_everywhere(storage::Revision revision, std::function<void(bool)> done) {
    if (membership_ == nullptr) return done(true);
    membership_->when_everywhere(revision, std::move(done));
}

/// A session that can be resumed is, at another member: until then it hibernates here.
bool Core::send_elsewhere(const SessionPtr& session) {
    const auto address = membership_ != nullptr ? membership_->sent_elsewhere() : std::nullopt;
    if (!address || !session->component.empty()) return false;
    const bool is_resumable = session->management && !session->management->token.empty();
    if (!is_resumable || !session->transport) {
        fanout_.end(session, see_other_host(*address, session->transport_kind));
        return true;
    }
    session->is_sent_away = true;
    fanout_.flush_now(session);
    if (session->transport)
        session->transport->close(see_other_host(*address, session->transport_kind));
    return true;
}

void Core::send_elsewhere() {
    boost::asio::post(strand_, [this] { send_some_elsewhere(); });
}

void Core::send_some_elsewhere() {
    if (is_stopped_ || membership_ == nullptr || !membership_->sent_elsewhere()) return;
    std::vector<SessionPtr> some;
    sessions_.for_each([&](const SessionPtr& session) {
        if (some.size() < sent_at_once && session->transport && !session->is_sent_away &&
            !session->is_ended && session->component.empty())
            some.push_back(session);
    });
    for (const SessionPtr& session : some) send_elsewhere(session);
    fanout_.flush();
    if (some.empty()) return;
    auto timer = std::make_shared<boost::asio::steady_timer>(strand_, sent_every);
    timer->async_wait([this, timer](boost::system::error_code) { send_some_elsewhere(); });
}

}   // namespace grid::server
