// server/tls/revocation/vetting.cpp: see vetting.hpp.
#include "server/tls/revocation/vetting.hpp"

#include "server/clock.hpp"
#include "server/net/from_callback.hpp"
#include "server/tls/verify.hpp"
#include "storage/codec.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;

namespace {

void refuse(Presented& presented, std::string condition, std::string reason) {
    presented.acceptable = false;
    presented.condition = std::move(condition);
    presented.reason = std::move(reason);
}

std::string crl_reason(const CrlSet::Finding& finding, const Presented& presented) {
    const std::string which =
        finding.depth == 0 ? "the certificate" : "a CA certificate above the client's";
    if (finding.standing == CrlSet::Standing::Revoked)
        return which + " was revoked by " + finding.crl->issuer_name;
    const std::string issuer = finding.depth == 0 ? presented.issuer : "that CA's issuer";
    if (finding.crl == nullptr)
        return "whether " + which + " is revoked is not known: there is no revocation list of " +
               issuer + " here";
    if (!finding.crl->covers(finding.depth))
        return "whether " + which + " is revoked is not known: of the revocation list of " +
               finding.crl->issuer_name + ", " + finding.crl->gap;
    return "whether " + which + " is revoked is not known: the revocation list of " +
           finding.crl->issuer_name + " ended on " + xml::to_datetime(finding.crl->next_update);
}

/// Of one that can log in.
std::string verdict_bytes(const Presented& presented) {
    std::vector<std::string> accounts;
    for (const xml::Jid& jid : presented.identities) accounts.push_back(jid.str());
    storage::Encoder out;
    out.text(presented.subject).text(presented.issuer).text(presented.serial);
    out.text(presented.fingerprint).text(presented.anchor).text(presented.key);
    out.i64(presented.not_before).i64(presented.not_after).i64(presented.valid_until);
    out.texts(accounts).boolean(presented.is_mapped).texts(presented.foreign);
    out.texts(presented.path).texts(presented.other_authorities).u64(presented.approvals);
    return out.take();
}

std::optional<Presented> read_verdict(std::string_view bytes) {
    storage::Decoder in(bytes);
    Presented presented;
    presented.present = presented.acceptable = true;
    for (auto* field :
         {&presented.subject, &presented.issuer, &presented.serial, &presented.fingerprint,
          &presented.anchor, &presented.key})
        *field = in.text();
    presented.not_before = in.i64();
    presented.not_after = in.i64();
    presented.valid_until = in.i64();
    for (const std::string& account : in.texts())
        presented.identities.push_back(xml::Jid::from_canonical(account));
    presented.is_mapped = in.boolean();
    presented.foreign = in.texts();
    presented.path = in.texts();
    presented.other_authorities = in.texts();
    presented.approvals = in.u64();
    if (!in.ok() || !in.at_end() || !presented.can_log_in()) return std::nullopt;
    return presented;
}

}   // namespace

Vetting::Vetting(
    asio::io_context& context, const Config& config, Log& log, const std::filesystem::path& data
)
    : config_(config),
      crls_(client_crls(config.tls, data), log),
      ocsp_(std::make_shared<OcspClient>(context, config.tls, log)),
      recheck_(std::make_shared<OcspRecheck>(context, ocsp_, config.tls.ocsp_responder)) {
    for (const std::string& text : config.accounts.approve)
        if (auto rule = controller::parse_approval_rule(text)) approve_.push_back(std::move(*rule));
}

void Vetting::start(CrlWatch::OnRevoked on_revoked, OcspRecheck::InUse in_use) {
    on_revoked_ = on_revoked;
    if (config_.tls.ocsp != "off") recheck_->start(std::move(in_use), on_revoked);
    crls_.start(std::move(on_revoked));
}

void Vetting::stop() {
    crls_.stop();
    recheck_->stop();
}

asio::awaitable<Presented> Vetting::vet(net::TlsStream& stream, std::function<void()> on_valid) {
    SSL* ssl = stream.ssl();
    auto ticket = resumed_ticket_of(ssl);
    auto known = ticket ? known_from(*ticket) : std::nullopt;
    if (SSL_session_reused(ssl) == 1 && !known)
        verify_again(ssl, ticket ? ticket->chain : std::vector<std::string>{});
    else if (!known && config_.tls.resumption_seconds_max != 0 &&
             SSL_version(ssl) >= TLS1_3_VERSION)
        ticket = ticket_for(ssl, now());
    Presented presented = co_await judge_peer(stream, std::move(known), std::move(on_valid));
    if (ticket) send_ticket(stream, presented, std::move(*ticket));
    co_return presented;
}

/// The signatures of its chain lead to the same anchors as before, or the ticket could not be read;
/// what may have changed is asked anew. An OCSP question needs the certificates themselves.
std::optional<Presented> Vetting::known_from(const Ticket& ticket) const {
    if (ticket.verdict.empty() || config_.tls.ocsp != "off") return std::nullopt;
    auto presented = read_verdict(ticket.verdict);
    const auto time = now();
    if (!presented || time < presented->not_before || time >= presented->valid_until)
        return std::nullopt;   // the whole chain says what is wrong
    return presented;
}

/// A client that resumes gets a new ticket, which lasts no longer than the first: after
/// tls.resumption_seconds_max a client proves anew that it has its key.
void Vetting::send_ticket(net::TlsStream& stream, const Presented& presented, Ticket ticket) const {
    // There is none for clients that cannot log in.
    if (presented.present ? !presented.can_log_in() : !config_.sasl.passwords) return;
    const auto most = storage::Millis{config_.tls.resumption_seconds_max} * 1000;
    auto left = ticket.proved + most - now();
    if (presented.present) left = std::min(left, presented.valid_until - now());
    if (left < 1000) return;
    if (presented.present) ticket.verdict = verdict_bytes(presented);
    const std::string bytes = to_bytes(ticket);
    if (bytes.size() > ticket_bytes_max) return;
    stream.send_ticket(bytes, std::chrono::seconds(std::min(left, most) / 1000));
}

asio::awaitable<Presented> Vetting::judge_peer(
    net::TlsStream& stream, std::optional<Presented> known, std::function<void()> on_valid
) {
    const bool is_known = known.has_value();
    Presented presented = is_known
                              ? std::move(*known)
                              : judge(stream.ssl(), config_.domain, config_.sasl.mappings, now());
    if (!is_known) presented.approvals = controller::approvals_of(approve_, presented.facts);
    presented.facts = {};
    std::vector<X509Ptr> path;
    const bool asks_ocsp = config_.tls.ocsp != "off";
    if (!is_known && presented.can_log_in() && (crls_.is_on() || asks_ocsp))
        path = verified_path_of(stream.ssl());
    stream.forget_peer_certificate();
    if (on_valid && presented.can_log_in()) on_valid();
    if (is_known && crls_.is_on()) judge_by_crl(presented);
    if (path.empty()) co_return presented;
    std::optional<OcspSubject> subject;
    if (asks_ocsp && path.size() > 1) subject = ocsp_subject(path[0].get(), path[1].get());
    if (crls_.is_on()) {
        path.erase(path.begin());
        co_await net::from_callback<bool>([this, &path](auto done) {
            crls_.learn(std::move(path), done);
        });
        judge_by_crl(presented);
    }
    if (subject && presented.can_log_in()) co_await judge_by_ocsp(presented, std::move(*subject));
    co_return presented;
}

void Vetting::judge_by_crl(Presented& presented) const {
    const auto set = crls_.current();
    const auto finding = set->check(presented.path, now());
    presented.depth = static_cast<int>(finding.depth);
    if (finding.standing == CrlSet::Standing::Revoked)
        refuse(presented, "not-authorized", crl_reason(finding, presented));
    else if (finding.standing == CrlSet::Standing::Unknown && config_.tls.crl_policy == "closed")
        refuse(presented, "temporary-auth-failure", crl_reason(finding, presented));
}

asio::awaitable<void> Vetting::judge_by_ocsp(Presented& presented, OcspSubject subject) {
    const OcspVerdict verdict = co_await net::from_callback<OcspVerdict>([&](auto done) {
        ocsp_->ask(subject, config_.tls.ocsp_responder, false, done);
    });
    const bool is_revoked =
        verdict.failure.empty() && verdict.answer.standing == OcspStanding::Revoked;
    if (!verdict.failure.empty() && config_.tls.ocsp == "closed") {
        refuse(
            presented, "temporary-auth-failure",
            "whether the certificate is revoked is not known: " + verdict.failure
        );
        co_return;
    }
    if (!is_revoked) {
        if (!presented.path.empty())
            recheck_->watch(presented.path.front(), std::move(subject), verdict);
        co_return;
    }
    refuse(
        presented, "not-authorized",
        "the certificate was revoked on " + xml::to_datetime(verdict.answer.revoked_at) +
            ", its OCSP responder says"
    );
    // Streams that rest on it end as well.
    if (on_revoked_ && !presented.path.empty()) on_revoked_({presented.path.front()});
}

std::string Vetting::revoked_since(const std::vector<std::string>& path) const {
    return why(path, false);
}

std::string Vetting::refused_now(const std::vector<std::string>& path) const {
    return why(path, config_.tls.crl_policy == "closed");
}

std::string Vetting::why(const std::vector<std::string>& path, bool must_be_known) const {
    if (!crls_.is_on() || path.empty()) return {};   // a login by password has no certificate
    const auto set = crls_.current();
    const auto finding = set->check(path, now());
    const bool is_reason = finding.standing == CrlSet::Standing::Revoked ||
                           (must_be_known && finding.standing == CrlSet::Standing::Unknown);
    return is_reason ? crl_reason(finding, {}) : std::string();
}

}   // namespace grid::server::tls
