// server/core/core_sessions.cpp: entering and leaving the session table.
#include <algorithm>

#include "server/clock.hpp"
#include "server/core/core.hpp"
#include "server/delivery/arrivals.hpp"
#include "server/net/source.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"

namespace grid::server {

namespace asio = boost::asio;

void Core::admit(
    controller::IdentityPtr identity, std::string address, std::function<void(SaslFailure)> done
) {
    asio::post(
        strand_,
        [this, identity = std::move(identity), address = std::move(address),
         done = std::move(done)]() mutable {
            if (is_cut_off())
                return done(std::pair(std::string("temporary-auth-failure"), not_ready().text));
            auto admission = controller_.admit(*identity);
            if (admission.kind != controller::Admission::Kind::Enter) {
                bool disabled = admission.kind == controller::Admission::Kind::Disabled;
                controller_.record_refusal(
                    "login-refused", identity->account.str(), address,
                    disabled ? "account-disabled" : "not-authorized", admission.text
                );
                return done(std::pair(
                    std::string(disabled ? "account-disabled" : "not-authorized"), admission.text
                ));
            }
            if (identity->is_by_password())
                login_limits_.give_back(
                    identity->account.str(), net::source_of(address),
                    std::chrono::steady_clock::now()
                );
            controller_.record_session(*identity, "connect", address, "");
            enrol(*identity, address, [done = std::move(done)](const auto& error) {
                if (error)
                    done(std::pair(std::string("temporary-auth-failure"), error->text));
                else
                    done(std::nullopt);
            });
            fanout_.flush();
        }
    );
}

void Core::find_keys(
    controller::LoginQuestion question,
    std::string address,
    std::function<void(controller::LoginKeys)> done
) {
    asio::post(
        strand_,
        [this, question = std::move(question), address = std::move(address),
         done = std::move(done)]() mutable {
            auto keys = controller_.login_keys(question);
            keys.now = now();
            if (is_cut_off()) keys.refused = not_ready().text;
            // One with the account's certificate guesses nothing that is not its own.
            const std::string source = net::source_of(address);
            const auto time = std::chrono::steady_clock::now();
            if (!keys.are_of_key && !login_limits_.take(question.name, source, time))
                keys.refused = "too many logins have failed: " +
                               try_again_in(login_limits_.wait(question.name, source, time));
            if (!keys.refused.empty() || question.password.empty()) return done(std::move(keys));
            store_.read([question = std::move(question), keys = std::move(keys),
                         done = std::move(done)](const storage::Snapshot&) mutable {
                const auto given = controller::derive_keys(
                    question.hash, question.password, keys.keys.salt, keys.keys.iterations
                );
                keys.fits_given = controller::are_equal(given.stored_key, keys.keys.stored_key);
                done(std::move(keys));
            });
        }
    );
}

void Core::enrol(
    const controller::Identity& identity,
    const std::string& address,
    std::function<void(std::optional<xml::StanzaError>)> done
) {
    auto enrolment = controller_.enrolment(identity);
    if (!enrolment) return done(std::nullopt);
    pubsub::Principal actor;
    actor.jid = identity.account;
    actor.address = address;
    actor.issuer = controller::authorities_text(identity);
    actor.is_mapped = identity.is_mapped;
    run_before_login(std::move(*enrolment), std::move(actor), std::move(done));
}

void Core::run_before_login(
    pubsub::PreparedRequest prepared,
    pubsub::Principal actor,
    std::function<void(std::optional<xml::StanzaError>)> done
) {
    auto request = std::make_unique<CallbackTransaction<pubsub::Reply, xml::StanzaError>>(
        std::move(prepared.decide), to_stanza_error,
        [done = std::move(done)](std::variant<xml::StanzaError, pubsub::Reply> answer) {
            if (auto* error = std::get_if<0>(&answer))
                done(std::move(*error));
            else
                done(std::nullopt);
        }
    );
    auto queue = std::make_shared<SenderQueue>(senders_.next(), actor.jid.bare().str());
    request->context = {std::move(actor), now(), fresh_id()};
    queue->push(std::move(request));
    pipeline_->advance(queue);
}

void Core::issue_token(
    controller::IdentityPtr identity,
    controller::TokenWish wish,
    std::string address,
    std::function<void(std::optional<controller::Token>)> done
) {
    asio::post(
        strand_,
        [this, identity = std::move(identity), wish = std::move(wish), address = std::move(address),
         done = std::move(done)]() mutable {
            auto issued = std::make_shared<std::optional<controller::Token>>();
            auto prepared = controller_.token_request(*identity, wish, issued);
            pubsub::Principal actor;
            actor.jid = identity->account;
            actor.address = std::move(address);
            actor.issuer = controller::authorities_text(*identity);
            run_before_login(
                std::move(prepared), std::move(actor),
                [issued, done = std::move(done)](const std::optional<xml::StanzaError>& error) {
                    done(error ? std::nullopt : *issued);
                }
            );
        }
    );
}

void Core::register_stranger(
    std::string username,
    std::string password,
    std::string address,
    std::function<void(std::optional<xml::StanzaError>)> done
) {
    asio::post(
        strand_,
        [this, username = std::move(username), password = std::move(password),
         address = std::move(address), done = std::move(done)]() mutable {
            const auto refuse = [&](xml::StanzaError error) {
                controller_.record_refusal(
                    "registration-refused", username, address, error.condition, error.text
                );
                done(std::move(error));
            };
            if (is_cut_off()) return done(not_ready());
            auto prepared = controller_.registration(username, password);
            if (!prepared) return refuse(prepared.error());
            const std::string source = net::source_of(address);
            const auto time = std::chrono::steady_clock::now();
            if (!registration_limits_.take({}, source, time))
                return refuse(xml::resource_constraint(
                    "too many registrations from here: " +
                    try_again_in(registration_limits_.wait({}, source, time))
                ));
            pubsub::Principal actor;
            if (const auto jid = xml::Jid::make(username, config_.domain)) actor.jid = *jid;
            actor.address = std::move(address);
            run_before_login(std::move(*prepared), std::move(actor), std::move(done));
        }
    );
}

void Core::bind(
    BindRequest request, std::function<void(std::variant<Attached, xml::StanzaError>)> done
) {
    asio::post(strand_, [this, request = std::move(request), done = std::move(done)]() mutable {
        enter(std::move(request), done);
    });
}

/// Account and certificate are looked at in the same turn in which the session enters.
std::string Core::refusal_of(const controller::Identity& identity) {
    if (auto admission = controller_.admit(identity);
        admission.kind != controller::Admission::Kind::Enter)
        return admission.text;
    if (identity.valid_until < now()) return "your certificate has expired";
    return revoked_ ? revoked_(identity.path) : std::string();
}

void Core::enter(
    BindRequest request, std::function<void(std::variant<Attached, xml::StanzaError>)>& done
) {
    const auto refuse = [&](const std::string& why) {
        controller_.record_refusal(
            "login-refused", request.identity->account.str(), request.address, "not-allowed", why
        );
        done(xml::not_allowed(why));
    };
    if (is_cut_off()) return done(not_ready());
    // Without a local part it would be the server itself, which no client is.
    if (request.identity->account.local().empty())
        return refuse(
            "a client needs an account: NAME@" + std::string(request.identity->account.domain())
        );
    if (const auto why = refusal_of(*request.identity); !why.empty()) return refuse(why);
    if (request.identity->is_component()) {
        if (controller_.state(request.identity->account) != controller::AccountState::Enabled)
            return refuse("the account of the component is not there, or not enabled");
        controller_.record_session(
            *request.identity, "connect", request.address, request.identity->component
        );
    }
    auto session = std::make_shared<Session>();
    session->id = ++last_session_;
    session->bare = request.identity->account;
    session->jid = session->bare.with_prepared_resource(
        request.resource.empty() ? fresh_id() : request.resource
    );
    session->component = request.identity->component;
    session->identity = std::move(request.identity);
    session->principal.jid = session->jid;
    session->principal.session = session->id;
    session->principal.address = std::move(request.address);
    session->principal.issuer = controller::authorities_text(*session->identity);
    session->principal.is_mapped = session->identity->is_mapped;
    session->transport_kind = request.transport_kind;
    session->since = now();
    session->transport = std::move(request.transport);
    if (const auto same = sessions_.find(session->jid); !same || same->other_member)
        make_room_for(session->jid);
    // Before a session that is replaced leaves: its account's budget and debt remain.
    auto budget = account_budget(session->bare);
    session->account_rate = rates_.is_bounded() ? account_rate(session->bare) : nullptr;
    SessionPtr replaced;
    if (!sessions_.enter(session, replaced))
        return done(xml::resource_constraint(
            "this account already has limits.resources_per_account_max streams"
        ));
    session->budget = std::make_shared<Budget>(config_.limits.outbox_bytes_max, std::move(budget));
    session->allowance = allowance_of(*session);
    session_changed_(*session, SessionChange::Opened);
    if (replaced) replaced_by_bind(replaced);
    session->takes_copies = request.wishes.takes_copies;
    session->note_sharing(session->since);
    if (request.wishes.is_inactive) note_client_state(session, false);
    Attached attached{session, session->attachment, session->allowance};
    if (request.wishes.knows_archive)
        attached.archive = controller_.archive_metadata(session->bare);
    if (request.wishes.management) attached.enabled = manage(session, *request.wishes.management);
    SessionWatcher* const watcher = sessions_.watcher();
    const auto answer = [this, session, attached = std::move(attached), done] {
        done(attached);
        send_elsewhere(session);
    };
    if (watcher != nullptr && watcher->is_untold(*session))
        return watcher->when_told(*session, answer);
    answer();
}

/// A session that nobody uses gives way to a new one: one here, or else one elsewhere, which its
/// member ends. Should it be resumed there at that moment it stays, and is told of again.
void Core::make_room_for(const xml::Jid& full) {
    if (sessions_.count_beside(full) < config_.limits.resources_per_account_max) return;
    SessionPtr here, there;
    for (const SessionPtr& one : sessions_.of_account(full.bare_view())) {
        if (one->state != Session::State::Hibernating || one->jid == full) continue;
        SessionPtr& oldest = one->other_member ? there : here;
        if (!oldest) oldest = one;
    }
    if (here) return give_way(here);
    if (there) there->other_member->end_hibernating(there->id);
}

void Core::give_way(const SessionPtr& session) {
    end_hibernating(session, "another session of the account needed its place");
}

void Core::replaced_by_bind(const SessionPtr& replaced) {
    if (replaced->management)
        resumptions_.end(*replaced, static_cast<std::uint32_t>(replaced->handled()));
    if (replaced->transport)
        replaced->transport->close(xml::StreamError{
            "conflict", "another stream of this account bound the same resource", {}
        });
    fanout_.presence_changed(replaced->bare);
    end_hibernating(replaced, "another stream of this account bound the same resource");
}

std::shared_ptr<Allowance> Core::allowance_of(const Session& session) {
    if (!session.account_rate) return nullptr;
    return std::make_shared<Allowance>(rates_, session.account_rate, flood_counts_);
}

void Core::confirm_delivered(SessionPtr session) {
    asio::post(strand_, [this, session = std::move(session)] { catch_up_.on_all_acked(*session); });
}

std::shared_ptr<Budget> Core::account_budget(const xml::Jid& bare) {
    for (const auto& session : sessions_.of_account(bare.str()))
        if (session->budget && !session->other_member) return session->budget->parent();
    return std::make_shared<Budget>(4 * config_.limits.outbox_bytes_max, process_budget_);
}

std::shared_ptr<RateBuckets> Core::account_rate(const xml::Jid& bare) {
    for (const auto& session : sessions_.of_account(bare.str()))
        if (session->account_rate) return session->account_rate;
    auto parted = parted_rates_.take(bare.str(), std::chrono::steady_clock::now());
    return parted ? parted : std::make_shared<RateBuckets>(rates_, Rates::account_share);
}

/// After its last session an account's debt remains.
void Core::part_with_rate(const Session& session) {
    if (!session.account_rate || sessions_.count_here(session.bare.str()) != 0) return;
    parted_rates_.keep(session.bare.str(), session.account_rate, std::chrono::steady_clock::now());
}

void Core::detach(
    SessionPtr session, std::uint64_t attachment, bool is_lost, std::function<void(Detached)> done
) {
    asio::post(
        strand_,
        [this, session = std::move(session), attachment, is_lost, done = std::move(done)] {
            if (session->attachment != attachment) return done(Detached::Replaced);
            fanout_.flush_now(session);
            const bool may_come_back = is_lost || (session->is_sent_away && !is_stopped_);
            if (may_come_back && hibernate(session)) return done(Detached::Hibernates);
            catch_up_.detached(*session);
            session->transport = nullptr;
            done(Detached::Leaves);
        }
    );
}

void Core::leave(
    SessionPtr session, std::uint64_t attachment, std::string reason, Delivered delivered
) {
    asio::post(
        strand_,
        [this, session = std::move(session), attachment, reason = std::move(reason), delivered] {
            if (session->attachment == attachment) end_session(session, reason, delivered);
        }
    );
}

void Core::end_session(const SessionPtr& session, const std::string& reason, Delivered delivered) {
    if (std::exchange(session->state, Session::State::Ended) == Session::State::Ended) return;
    Delivered items = delivered;
    items.mark = items_of(delivered.mark);
    std::vector<Outgoing> unread;
    if (session->management) {
        // Acknowledgements count, whatever became of the last transport: a client that says goodbye
        // may have read nothing of what it was sent last.
        const auto& unacked = session->management->unacked;
        items = {true, 0, unacked.owed_from()};
        delivered = {false, unacked.acknowledged(), 0};
        for (const auto& stanza : unacked.kept())
            if (stanza.is_relayed) unread.push_back(stanza);
    }
    if (session->is_active || session->paused) catch_up_.on_unavailable(session, items);
    session->paused.reset();
    session->is_active = false;
    router_.end_presence(session);
    in_band_.session_ended(*session);
    in_band_histories_.session_ended(*session);
    if (session->queue) pipeline_->advance(session->queue);
    session->transport = nullptr;
    if (session->management) {
        resumptions_.end(*session, static_cast<std::uint32_t>(session->handled()));
        session->management = nullptr;
    }
    session->queue = nullptr;   // requests in flight keep it until they are done
    session->held = nullptr;
    controller_.record_session(
        *session->identity, "disconnect", session->principal.address, reason
    );
    presence_.forget(*session);
    sessions_.leave(*session);
    session_changed_(*session, SessionChange::Closed);
    offline_.on_unavailable(session, delivered);
    tell_end(*session);
    if (sessions_.count_here(session->bare.str()) == 0)
        catch_up_.forget_account(session->bare.str());
    part_with_rate(*session);
    fanout_.presence_changed(session->bare);
    refuse_resuming(session, "item-not-found");
    if (!unread.empty()) undelivered(session, std::move(unread));
}

}   // namespace grid::server
