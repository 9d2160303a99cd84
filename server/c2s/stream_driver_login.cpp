// server/c2s/stream_driver_login.cpp: from the first byte to a bound resource: performs what
// Negotiation asks for.
#include <algorithm>

#include "server/c2s/stream_driver.hpp"
#include "server/clock.hpp"
#include "server/net/from_callback.hpp"
#include "server/net/source.hpp"
#include "server/session/management_words.hpp"
#include "server/tls/certificate.hpp"

namespace grid::server::c2s {

namespace asio = boost::asio;

namespace {
bool asks_for_tls(const stream::Actions& actions) {
    return std::ranges::any_of(actions, [](const stream::Action& action) {
        return std::holds_alternative<stream::StartTls>(action);
    });
}
}   // namespace

asio::awaitable<bool> StreamDriver::establish() {
    const auto& limits = shared_.config.limits;
    codec_->hold_bytes_only(true);
    negotiation_ = std::make_unique<stream::Negotiation>(stream::Negotiation::Settings{
        shared_.config.domain, &shared_.config, kind_, shared_.caps_hash, fresh_id(),
        std::move(beginning_->presented), std::move(beginning_->bindings)
    });
    net::Watchdog<net::Strand> watchdog(
        channel_->strand(), std::chrono::seconds(limits.pre_auth_seconds_max), [this] { wake(); }
    );
    if (kind_ == TransportKind::DirectTls && !co_await perform({stream::StartTls{}}))
        co_return false;
    while (!negotiation_->is_bound()) {
        if (!take_early() && !co_await read_some()) {
            if (watchdog.has_expired()) co_await perform(negotiation_->on_timeout());
            if (is_shut_down_) co_await perform(negotiation_->on_shutdown());
            break;
        }
        if (beginning_->bytes > limits.pre_auth_bytes_max) {
            co_await perform(negotiation_->on_too_many_bytes());
            break;
        }
        while (!negotiation_->is_bound()) {
            auto event = codec_->next();
            if (!event) break;
            if (++beginning_->stanzas > limits.pre_auth_stanzas_max) {
                co_await perform(negotiation_->on_too_many_bytes());
                co_return false;
            }
            if (!co_await perform(negotiation_->on_event(std::move(*event), fresh_id())))
                co_return false;
        }
        // An element that is refused by its start tag is not waited for.
        if (const xml::Element* begun = codec_->unfinished(); begun && !negotiation_->is_bound())
            if (!co_await perform(negotiation_->on_start_tag(*begun))) co_return false;
    }
    const bool bound = negotiation_->is_bound() && !is_closing_;
    codec_->set_limits(shared_.config.limits.xml);
    codec_->hold_bytes_only(false);
    codec_->set_lang(negotiation_->lang());
    negotiation_.reset();
    beginning_.reset();
    if (bound) progress_.reset();
    take_mail();
    co_return bound;
}

/// Bytes that came together with the request that this stream began with.
bool StreamDriver::take_early() {
    if (beginning_->early.empty()) return false;
    const std::string bytes = std::exchange(beginning_->early, {});
    beginning_->bytes += bytes.size();
    parse(bytes);
    answer_below();
    return true;
}

asio::awaitable<bool> StreamDriver::perform(stream::Actions actions) {
    while (!actions.empty()) {
        if (auto refusal = negotiation_->take_refusal()) log_refusal(*refusal);
        // Bytes in the clear behind <starttls/> may have been injected by a third party (RFC 6120
        // §5.3.3): they are neither TLS nor XML, and end the stream before <proceed/>.
        if (kind_ == TransportKind::StartTls && asks_for_tls(actions) &&
            (codec_->pending_bytes() != 0 || codec_->next()))
            actions = negotiation_->on_injected();
        stream::Actions next;
        for (auto& action : actions) {
            if (say(action)) continue;
            flush();
            if (std::holds_alternative<stream::StartTls>(action)) {
                if (!co_await start_tls(next)) co_return false;
            } else if (const auto* restart = std::get_if<stream::RestartParser>(&action)) {
                restart->keeps_rest ? codec_->restart_behind() : codec_->restart();
            } else if (auto* who = std::get_if<stream::Admit>(&action)) {
                next = co_await admit(std::move(who->identity));
            } else if (auto* wanted = std::get_if<stream::FindKeys>(&action)) {
                next = co_await find_keys(std::move(wanted->lookup));
            } else if (auto* token = std::get_if<stream::IssueToken>(&action)) {
                next = co_await issue_token(std::move(*token));
            } else if (auto* stranger = std::get_if<stream::Register>(&action)) {
                next = co_await register_stranger(std::move(*stranger));
            } else if (auto* request = std::get_if<stream::Bind>(&action)) {
                next = co_await bind(std::move(*request));
            } else if (auto* again = std::get_if<stream::Resume>(&action)) {
                next = co_await resume(std::move(*again));
            } else {
                reason_ = std::get<stream::Close>(action).reason;
                co_return false;
            }
        }
        flush();
        actions = std::move(next);
    }
    co_return true;
}

/// False: the action is none that sends something.
bool StreamDriver::say(const stream::Action& action) {
    std::string bytes;
    if (const auto* open = std::get_if<stream::OpenStream>(&action))
        codec_->open(bytes, open->id, open->to);
    else if (const auto* sent = std::get_if<stream::SendElement>(&action))
        codec_->element(bytes, sent->element);
    else if (std::holds_alternative<stream::CloseStream>(action))
        codec_->close(bytes);
    else
        return false;
    outbox_.push_framed(std::move(bytes));
    return true;
}

asio::awaitable<bool> StreamDriver::start_tls(stream::Actions& next) {
    // On the TLS port the first byte of the peer tells it from a silent one.
    if (kind_ == TransportKind::DirectTls) co_await channel_->wait_readable();
    if (is_closing_) {
        if (reason_.empty()) reason_ = is_shut_down_ ? "shut down" : "TLS was not begun in time";
        co_return false;
    }
    if (!co_await wait_for_tls_place()) co_return false;
    progress_->begun();
    const auto began = std::chrono::steady_clock::now();
    auto error = co_await tls_->handshake(
        shared_.tls, std::chrono::seconds(shared_.config.limits.pre_auth_seconds_max)
    );
    if (error) {
        if (is_displaced_) co_return false;
        reason_ = "TLS handshake failed: " + channel_->failure();
        shared_.log.fold(
            Level::Warn, "tls_failed",
            {{"session", name()}, {"address", address_}, {"reason", channel_->failure()}}
        );
        co_return false;
    }
    // The client is no stranger then, and the memory of its handshake is free: it gives way no
    // more, however long a responder takes.
    auto presented = co_await shared_.vetting.vet(*tls_, [this] { tls_place_.reset(); });
    shared_.core.stream_counts().handshake.observe(std::chrono::steady_clock::now() - began);
    if (is_closing_) co_return false;
    const bool has_passwords = shared_.config.sasl.passwords;
    if (!presented.can_log_in() && (presented.present || !has_passwords))
        shared_.log.fold(
            Level::Warn, "certificate_refused",
            {{"session", name()},
             {"address", address_},
             {"subject", presented.subject},
             {"issuer", presented.issuer},
             {"depth", std::to_string(presented.depth)},
             {"reason", presented.reason}}
        );
    next = negotiation_->on_tls(
        std::move(presented), has_passwords || shared_.config.sasl.token_days > 0
                                  ? net::channel_bindings(tls_->ssl())
                                  : net::ChannelBindings{}
    );
    codec_->set_limits(shared_.config.limits.before_login());
    co_return true;
}

/// The ClientHello stays in the socket meanwhile. The bound of pre_auth_seconds_max counts on.
asio::awaitable<bool> StreamDriver::wait_for_tls_place() {
    using Clock = net::TlsPlaces::Clock;
    const auto on_strand = [this](auto then) {
        return [weak = weak_from_this(), then] {
            if (auto self = weak.lock())
                asio::post(self->channel_->strand(), [self, then] { then(*self); });
        };
    };
    tls_place_ = progress_->tls_places->claim(
        net::source_of(address_), Clock::now(),
        on_strand([](StreamDriver& self) { self.stop_waiting_for_place(); }),
        on_strand([](StreamDriver& self) {
            if (!self.tls_place_) return;   // the certificate has been seen meanwhile
            self.give_way("gave way to others that wait: limits.pre_auth_tls_max is reached");
        })
    );
    if (!tls_place_->is_held()) progress_->spoken();
    while (!tls_place_->is_held() && !is_closing_) {
        beginning_->waiting_for_place = std::make_unique<asio::steady_timer>(
            channel_->strand(), net::TlsPlaces::retry_interval
        );
        co_await beginning_->waiting_for_place->async_wait(net::no_throw);
        if (!is_closing_) tls_place_->retry(Clock::now());
    }
    beginning_->waiting_for_place.reset();
    if (is_closing_ && reason_.empty())
        reason_ = is_shut_down_ ? "shut down"
                                : "TLS was not begun in time: limits.pre_auth_tls_max is reached";
    co_return !is_closing_;
}

void StreamDriver::log_refusal(const stream::Negotiation::Refusal& refusal) {
    shared_.log.fold(
        Level::Warn, "login_refused",
        {{"session", name()},
         {"address", address_},
         {"account", refusal.claimed},
         {"subject", refusal.subject},
         {"issuer", refusal.issuer},
         {"depth", std::to_string(refusal.depth)},
         {"condition", refusal.condition},
         {"reason", refusal.text}}
    );
    shared_.core.record_refusal(
        "login-refused", refusal.claimed, address_, refusal.condition,
        refusal.subject.empty() ? refusal.text : refusal.text + " (" + refusal.subject + ")"
    );
}

asio::awaitable<stream::Actions> StreamDriver::admit(controller::IdentityPtr identity) {
    auto failure = co_await net::from_callback<Core::SaslFailure>([&](auto done) {
        shared_.core.admit(std::move(identity), address_, done);
    });
    if (!failure) tls_place_.reset();   // as of one whose certificate was good
    co_return negotiation_->on_admitted(std::move(failure));
}

asio::awaitable<stream::Actions> StreamDriver::issue_token(stream::IssueToken wanted) {
    using Issued = std::optional<controller::Token>;
    auto issued = co_await net::from_callback<Issued>([&](auto done) {
        shared_.core.issue_token(
            std::move(wanted.identity), std::move(wanted.wish), address_, done
        );
    });
    co_return negotiation_->on_token(std::move(issued));
}

asio::awaitable<stream::Actions> StreamDriver::register_stranger(stream::Register wanted) {
    using Refusal = std::optional<xml::StanzaError>;
    auto refusal = co_await net::from_callback<Refusal>([&](auto done) {
        shared_.core.register_stranger(
            std::move(wanted.username), std::move(wanted.password), address_, done
        );
    });
    co_return negotiation_->on_registered(std::move(refusal));
}

asio::awaitable<stream::Actions> StreamDriver::find_keys(sasl::Lookup lookup) {
    auto keys = co_await net::from_callback<controller::LoginKeys>([&](auto done) {
        shared_.core.find_keys(std::move(lookup), address_, done);
    });
    co_return negotiation_->on_keys(std::move(keys));
}

asio::awaitable<stream::Actions> StreamDriver::bind(stream::Bind request) {
    is_managed_ = request.wishes.management.has_value();   // from the first stanza on
    const controller::IdentityPtr identity = request.identity;
    BindRequest entering{std::move(request.identity), std::move(request.resource), address_, kind_,
                         shared_from_this(),          std::move(request.wishes)};
    using Bound = std::variant<Attached, xml::StanzaError>;
    auto bound = co_await net::from_callback<Bound>([&](auto done) {
        shared_.core.bind(std::move(entering), done);
    });
    if (auto* error = std::get_if<xml::StanzaError>(&bound)) {
        is_managed_ = false;
        co_return negotiation_->on_bound(std::move(*error));
    }
    auto& attached = std::get<Attached>(bound);
    auto enabled = std::move(attached.enabled);
    auto archive = std::move(attached.archive);
    if (!attach(std::move(attached), *identity, false))
        co_return stream::Actions{stream::Close{"gave way to a newcomer"}};
    co_return negotiation_->on_bound(session_->jid, std::move(enabled), std::move(archive));
}

asio::awaitable<stream::Actions> StreamDriver::resume(stream::Resume request) {
    is_managed_ = true;   // stanzas behind <resumed/> may come before the coroutine goes on
    const controller::IdentityPtr identity = request.identity;
    ResumeRequest coming{
        std::move(request.identity), std::move(request.token), request.handled, address_, kind_,
        shared_from_this(),          std::move(request.around)
    };
    auto answer = co_await net::from_callback<ResumeAnswer>([&](auto done) {
        shared_.core.resume(std::move(coming), done);
    });
    if (auto* attached = std::get_if<Attached>(&answer)) {
        if (!attach(std::move(*attached), *identity, true))
            co_return stream::Actions{stream::Close{"gave way to a newcomer"}};
        co_return negotiation_->on_resumed();
    }
    is_managed_ = false;
    if (const auto* error = std::get_if<xml::StreamError>(&answer))
        co_return negotiation_->on_not_resumed(*error);
    const auto& failure = std::get<ResumeFailure>(answer);
    shared_.log.fold(
        Level::Info, "not_resumed",
        {{"session", name()}, {"address", address_}, {"reason", failure.condition}}
    );
    co_return negotiation_->on_not_resumed(sm::failed(failure.condition, failure.handled));
}

bool StreamDriver::attach(
    Attached attached, const controller::Identity& identity, bool is_resumed
) {
    session_ = std::move(attached.session);
    attachment_ = attached.number;
    allowance_ = std::move(attached.allowance);
    // Before the client hears of it: from then on its connection gives way to none.
    const bool may_stay = progress_->keep_place();
    outbox_.set_budget(session_->budget);
    if (const std::string& component = session_->component; !component.empty()) {
        const auto domain = xml::Jid::from_canonical(component);
        codec_->set_addresses(domain, domain);
    } else {
        codec_->set_addresses(session_->bare, session_->jid);
    }
    // Empty where none was shown, as at a login by password.
    shared_.log.info(
        is_resumed ? "session_resumed" : "session_started", {{"session", name()},
                                                             {"jid", session_->jid.str()},
                                                             {"address", address_},
                                                             {"transport", to_string(kind_)},
                                                             {"certificate", identity.fingerprint}}
    );
    return may_stay;
}

}   // namespace grid::server::c2s
