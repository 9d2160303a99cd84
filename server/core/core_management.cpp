// server/core/core_management.cpp: a client enables stream management, acknowledges and asks
// (XEP-0198).
#include <algorithm>

#include "server/core/core.hpp"

namespace grid::server {

void Core::take_word(const SessionPtr& session, const sm::Word& word) {
    const auto refuse = [&](const std::string& condition) {
        fanout_.send_element(session, sm::failed(condition));
    };
    if (const auto* wish = std::get_if<sm::Enable>(&word)) return enable(session, *wish);
    if (const auto* wrong = std::get_if<sm::Wrong>(&word)) return refuse(wrong->condition);
    // A session is resumed instead of binding a resource.
    if (std::holds_alternative<sm::Resume>(word) || !session->management)
        return refuse("unexpected-request");
    if (const auto* acked = std::get_if<sm::Ack>(&word)) return take_ack(session, acked->handled);
    answer_request(session);
}

void Core::enable(const SessionPtr& session, const sm::Enable& enable) {
    if (session->management)   // §3
        return fanout_.end(
            session, {"policy-violation", "stream management was enabled before", {}}
        );
    fanout_.flush_now(session);   // stanzas before <enabled/> are not counted
    fanout_.send_element(session, manage(session, enable));
}

xml::Element Core::manage(const SessionPtr& session, const sm::Enable& enable) {
    session->management = std::make_unique<Management>(session->budget);
    const std::uint32_t most = config_.sessions.hibernation_seconds_max;
    const std::uint32_t seconds = std::min(most, enable.seconds.value_or(most));
    if (enable.wants_resumption && seconds != 0) {
        session->management->token = resumptions_.issue(session);
        session->management->resume_within = std::chrono::seconds(seconds);
        sessions_.changed(*session);   // other members know where the token leads
    }
    return sm::enabled(session->management->token, seconds);
}

void Core::take_ack(const SessionPtr& session, std::uint32_t handled) {
    auto& management = *session->management;
    management.heard();
    router_.note_read(management.unacked.acknowledged_by(handled));
    if (management.unacked.acknowledge(handled) == UnackedQueue::Place::TooHigh)
        return fanout_.end(
            session, sm::handled_count_too_high(handled, management.unacked.sent_count())
        );
    if (!management.should_ask()) return;
    management.asked(std::chrono::steady_clock::now());
    fanout_.send_element(session, sm::request());
}

void Core::answer_request(const SessionPtr& session) {
    auto& management = *session->management;
    const std::uint64_t handled = session->handled();
    management.owes_ack_of = handled < management.received ? management.received : 0;
    fanout_.send_element(session, sm::ack(static_cast<std::uint32_t>(handled)));
}

}   // namespace grid::server
