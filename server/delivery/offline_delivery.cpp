// server/delivery/offline_delivery.cpp: see server/delivery/offline_delivery.hpp.
#include "server/delivery/offline_delivery.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "controller/messages/message.hpp"
#include "controller/messages/offline_messages.hpp"
#include "server/clock.hpp"
#include "server/delivery/arrivals.hpp"

namespace grid::server {

namespace asio = boost::asio;
using controller::OfflineMessages;
using storage::Revision;

namespace {
constexpr std::size_t messages_per_read_max = 64, text_bytes_per_read_max = 128 * 1024;
constexpr std::size_t accounts_per_tick_max = 256;
constexpr auto fault_pause = std::chrono::seconds(1);

/// The number that the last stanza in `pending` will have, if no item before it is left out; then
/// its number is a lower one.
std::uint64_t number_of_last(const Session& session) {
    const auto pending = std::ranges::count_if(session.pending, &Outgoing::is_stanza);
    return session.management->unacked.sent() + static_cast<std::uint64_t>(pending);
}
}   // namespace

bool OfflineDelivery::takes(const Session& session) const {
    return session.is_open() && session.priority >= 0 && fanout_.may_receive(session);
}

/// Of an account's sessions on several members of a cluster the oldest one takes what waited.
SessionPtr OfflineDelivery::find_taker(const std::string& account) const {
    const auto& all = sessions_.of_account(account);
    const auto found = std::ranges::find_if(all, [&](const auto& one) { return takes(*one); });
    if (found == all.end()) return nullptr;
    const SessionPtr there = find_taker_elsewhere(account);
    const bool is_taken_elsewhere =
        there && std::pair(there->since, there->id) < std::pair((*found)->since, (*found)->id);
    return is_taken_elsewhere ? nullptr : *found;
}

/// The oldest of those that would.
SessionPtr OfflineDelivery::find_taker_elsewhere(const std::string& account) const {
    SessionPtr oldest;
    for (const SessionPtr& one : sessions_.of_account(account)) {
        const bool takes_there =
            one->other_member && one->is_open() && one->priority >= 0 && fanout_.is_logged_in(*one);
        if (takes_there &&
            (!oldest || std::pair(one->since, one->id) < std::pair(oldest->since, oldest->id)))
            oldest = one;
    }
    return oldest;
}

std::vector<OfflineMessages::Message> OfflineDelivery::next(
    const std::string& account, const Way& way, std::size_t messages_max, std::size_t bytes_max
) const {
    return std::as_const(controller_)
        .offline()
        .next(account, way.sent_to, now() - keep_ms_, messages_max, bytes_max);
}

bool OfflineDelivery::is_behind(const std::string& account) const {
    if (std::as_const(controller_).offline().is_coming(account)) return true;
    const auto found = ways_.find(account);
    return !next(account, found == ways_.end() ? Way{} : *found->second).empty();
}

SessionPtr OfflineDelivery::taker(const std::string& account) const {
    const auto found = ways_.find(account);
    const SessionPtr here = found == ways_.end() ? nullptr : found->second->to.lock();
    return here && takes(*here) ? here : find_taker_elsewhere(account);
}

void OfflineDelivery::on_available(const SessionPtr& session) { go_on(session->bare.str()); }

void OfflineDelivery::on_stored(const std::string& account) { go_on(account); }

void OfflineDelivery::on_unavailable(const SessionPtr& session, const Delivered& delivered) {
    const std::string& account = session->bare.str();
    const auto found = ways_.find(account);
    if (found == ways_.end()) return;
    const auto way = found->second;
    const auto taker = way->to.lock();
    if (taker && taker != session) return;
    acknowledged(account, *way, delivered.mark);   // where it is a number of stanzas
    if (delivered.is_all)
        arrived(account, way->sent_to);
    else if (way->mark != 0 && delivered.mark >= way->mark)
        arrived(account, way->marked_to);
    ways_.erase(account);
    go_on(account);
}

void OfflineDelivery::go_on(const std::string& account) {
    auto way = ways_[account];
    if (!way) ways_[account] = way = std::make_shared<Way>();
    if (way->is_reading) return;
    if (const auto session = way->to.lock(); session && session->is_moving) return;
    if (next(account, *way).empty()) return ask(account, way);
    if (const auto session = way->to.lock(); !session || !takes(*session)) {
        const auto taker = find_taker(account);
        if (!taker) {
            // The last taker may still acknowledge what it was sent.
            if (session && way->sent_to != 0) return ask(account, way);
            ways_.erase(account);
            return;
        }
        ways_[account] = way = std::make_shared<Way>();
        way->to = taker;
    }
    const auto session = way->to.lock();
    const Budget& budget = *session->budget;
    const std::size_t used = budget.used() + session->pending_bytes;
    const bool has_room = used == 0 || used < budget.fair_bytes_max() / 2;
    if (has_room && std::chrono::steady_clock::now() >= way->again_at) read(account, way);
}

void OfflineDelivery::read(const std::string& account, const std::shared_ptr<Way>& way) {
    using Texts = std::vector<OfflineMessages::Text>;
    way->is_reading = true;
    const auto bytes_max =
        std::min(text_bytes_per_read_max, way->to.lock()->budget->bytes_max() / 8);
    store_.read([this, account, way,
                 messages = next(account, *way, messages_per_read_max, bytes_max)](
                    const storage::Snapshot& snapshot
                ) {
        std::optional<Texts> texts(std::in_place);
        for (const auto& message : messages) {
            const auto key = OfflineMessages::text_of(account, message.revision);
            auto value = snapshot.get(key.family, key.key);
            if (!value) {
                texts.reset();
                break;
            }
            texts->push_back(
                *value ? OfflineMessages::decode_text((*value)->value) : OfflineMessages::Text{}
            );
        }
        asio::post(strand_, [this, account, way, messages, texts = std::move(texts)] {
            way->is_reading = false;
            const auto current = ways_.find(account);
            if (current == ways_.end() || current->second != way) return;
            const auto session = way->to.lock();
            if (!texts) {
                log_.fold(Level::Error, "messages_unreadable", {{"account", account}});
                way->again_at = std::chrono::steady_clock::now() + fault_pause;
                return;
            }
            if (session && takes(*session) && !session->is_moving)
                for (std::size_t i = 0; i < messages.size(); ++i) {
                    way->sent_to = messages[i].revision;
                    send(session, messages[i], (*texts)[i]);
                    if (session->management)
                        way->counted.emplace_back(number_of_last(*session), way->sent_to);
                }
            fanout_.flush();
            go_on(account);
        });
    });
}

/// A sender that was blocked meanwhile is not heard (XEP-0191 §3.3).
void OfflineDelivery::send(
    const SessionPtr& session,
    const OfflineMessages::Message& message,
    const OfflineMessages::Text& text
) {
    if (text.message.empty()) return;
    if (controller_.is_blocked(session->bare, xml::Jid::from_canonical(text.from))) return;
    const std::string_view domain = session->bare.domain();
    // A message that a session left behind tells since when.
    std::string whole =
        controller::is_delayed(text.message, domain)
            ? text.message
            : controller::with_child(text.message, controller::delay(domain, message.since));
    fanout_.send(session, Outgoing::stanza(std::make_shared<const std::string>(std::move(whole))));
}

/// All was sent: when has it arrived?
void OfflineDelivery::ask(const std::string& account, const std::shared_ptr<Way>& way) {
    const auto session = way->to.lock();
    if (!session || !session->is_open() || way->sent_to == 0) {
        if (!session) ways_.erase(account);
        return;
    }
    fanout_.flush_now(session);
    if (!session->is_open() || !session->pending.empty()) return;   // not handed over yet
    // Of a client that counts it is known; of what it was sent before it counted, as TCP tells.
    const auto* unacked = session->management && session->management->unacked.sent() != 0
                              ? &session->management->unacked
                              : nullptr;
    const bool is_counted = unacked != nullptr;
    if (is_counted) acknowledged(account, *way, unacked->acknowledged());
    if (way->marked_to != way->sent_to || way->is_counted != is_counted) {
        way->is_counted = is_counted;
        way->marked_to = way->sent_to;
        way->mark = unacked ? unacked->sent() : mark_now(*session);
    }
    if (unacked) {
        if (unacked->acknowledged() < way->mark) return;
        arrived(account, way->marked_to);
        if (!takes(*session) || next(account, *way).empty()) ways_.erase(account);
        return;
    }
    if (!session->transport) return;
    session->transport->mark(
        way->mark,
        [this, account, way, mark = way->mark, up_to = way->marked_to](auto reached) {
            if (reached < mark) return;
            asio::post(strand_, [this, account, way, mark, up_to] {
                arrived(account, up_to);
                const auto current = ways_.find(account);
                if (current == ways_.end() || current->second != way || way->mark != mark) return;
                const auto to = way->to.lock();
                if (!to || !takes(*to) || next(account, *way).empty()) ways_.erase(current);
            });
        }
    );
}

HandedMessages OfflineDelivery::handed_over(const Session& session) const {
    const auto found = ways_.find(session.bare.str());
    if (found == ways_.end() || found->second->to.lock().get() != &session) return {};
    const Way& way = *found->second;
    return {way.sent_to, {way.counted.begin(), way.counted.end()}};
}

void OfflineDelivery::gone(const Session& session) {
    const auto found = ways_.find(session.bare.str());
    if (found == ways_.end()) return;
    if (const auto to = found->second->to.lock(); to && to.get() != &session) return;
    ways_.erase(found);
}

void OfflineDelivery::come(const SessionPtr& session, const HandedMessages& handed) {
    const std::string& account = session->bare.str();
    const auto before = ways_.find(account);
    const bool is_free = before == ways_.end() || before->second->to.expired();
    if (handed.sent_to != 0 && is_free) {
        const auto way = std::make_shared<Way>();
        way->to = session;
        way->sent_to = handed.sent_to;
        way->counted = {handed.counted.begin(), handed.counted.end()};
        ways_[account] = way;
    }
    if (takes(*session)) go_on(account);
}

void OfflineDelivery::arrived(const std::string& account, Revision up_to) {
    controller_.offline().delivered(account, up_to);
    if (up_to == 0 || !sessions_.watcher()) return;
    Revision& last = arrived_[account];
    last = std::max(last, up_to);
}

Revision OfflineDelivery::take_arrived(const std::string& account) {
    const auto found = arrived_.extract(account);
    return found ? found.mapped() : 0;
}

void OfflineDelivery::acknowledged(const std::string& account, Way& way, std::uint64_t up_to) {
    Revision last = 0;
    for (; !way.counted.empty() && way.counted.front().first <= up_to; way.counted.pop_front())
        last = way.counted.front().second;
    if (last != 0) arrived(account, last);
}

void OfflineDelivery::tick() {
    for (std::size_t i = std::min(accounts_per_tick_max, ways_.size()); i > 0; --i) {
        auto at = ways_.upper_bound(looked_at_);
        if (at == ways_.end()) at = ways_.begin();
        if (at == ways_.end()) return;
        looked_at_ = at->first;
        go_on(looked_at_);
    }
}

}   // namespace grid::server
