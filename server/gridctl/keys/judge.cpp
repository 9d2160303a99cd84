// server/gridctl/keys/judge.cpp: see judge.hpp.
#include "server/gridctl/keys/judge.hpp"

#include <boost/asio.hpp>
#include <future>

#include "controller/accounts/account.hpp"
#include "controller/admit.hpp"
#include "server/clock.hpp"
#include "server/log.hpp"
#include "server/process/open_store.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/context.hpp"
#include "server/tls/names.hpp"
#include "server/tls/paths/path.hpp"
#include "server/tls/raw_chain.hpp"
#include "server/tls/revocation/crl_watch.hpp"
#include "server/tls/revocation/ocsp_client.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

namespace tls = server::tls;
using tls::X509Ptr;

/// The first reason counts; later ones are shown, too.
void refuse(Judged& judged, const char* check, const std::string& why, const std::string& todo) {
    judged.report.fail(check, why, todo);
    if (judged.refusal.empty()) judged.refusal = why;
}

void append_number(std::string& out, std::size_t number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        out += static_cast<char>(number >> static_cast<unsigned>(shift) & 0xffU);
}

/// As a client of TLS 1.3 sends it (RFC 8446 §4.4.2), behind the head of the handshake message.
std::string certificate_message(const std::vector<X509Ptr>& chain) {
    std::string list;
    for (const X509Ptr& one : chain) {
        unsigned char* der = nullptr;
        const int size = i2d_X509(one.get(), &der);
        if (size <= 0) continue;
        append_number(list, static_cast<std::size_t>(size), 3);
        list.append(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
        append_number(list, 0, 2);   // no extensions
        OPENSSL_free(der);
    }
    std::string message(1, '\0');   // no request context
    append_number(message, list.size(), 3);
    return message + list;
}

/// Why the chain is refused before or while it is verified; `found` is its path.
std::string why_unsound(const std::vector<X509Ptr>& chain, X509_STORE* anchors, tls::Found& found) {
    const std::string message = certificate_message(chain);
    const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
    if (auto why = tls::why_not_parsed({bytes, message.size()}, TLS1_3_VERSION, anchors);
        !why.empty())
        return why;
    const tls::Stack others(sk_X509_new_null());
    for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(others.get(), chain[i].get());
    X509* leaf = chain.front().get();
    if (auto why = tls::why_too_costly(leaf, others.get()); !why.empty()) return why;
    found = tls::find_paths(leaf, others.get(), anchors);
    return found.verdict.error == X509_V_OK ? "" : to_reason(found.verdict, server::now());
}

const char* todo_of(const tls::Verdict& verdict) {
    switch (verdict.error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "have a new one issued, or set the clock";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "set the clock, or wait";
        case X509_V_ERR_INVALID_PURPOSE:
            return "have one issued with the extended key usage clientAuth and the key usage "
                   "digitalSignature";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "the client must send the certificates between its own and the CA (in the same "
                   "file, behind it), or tls.client_ca must get the CA that issued it";
        default:
            return "have another one issued";
    }
}

std::string todo_of(controller::Admission::Kind kind, const std::string& jid) {
    using Kind = controller::Admission::Kind;
    if (kind == Kind::Disabled) return "gridctl accounts enable " + jid;
    if (kind == Kind::OtherKey)
        return "gridctl accounts pin " + jid + " --sha256 KEY, or gridctl accounts unpin " + jid;
    return "compare gridctl accounts show " + jid + "; gridctl accounts rebind " + jid +
           " --ca CA.crt moves it to this CA";
}

std::vector<std::string> links_of(const std::vector<X509Ptr>& path) {
    std::vector<std::string> links;
    for (std::size_t i = 1; i < path.size(); ++i)
        links.push_back(tls::key_hash_of(path[i].get()) + ":" + tls::serial_of(path[i - 1].get()));
    return links;
}

void judge_names(
    const server::Config& config,
    X509* leaf,
    const tls::Found& found,
    const std::vector<std::string>& links,
    Judged& judged
) {
    tls::Names names = tls::read_names(leaf, config.domain);
    tls::apply_constraints(names, found.path);
    if (!names.malformed.empty())
        return refuse(
            judged, "names", "the certificate is refused: " + names.malformed,
            "have one issued without that"
        );
    if (tls::is_for_servers_only(leaf, names))
        return refuse(
            judged, "names", "the certificate is a server's",
            "have one issued with the extended key usage clientAuth, or with an id-on-xmppAddr"
        );
    const std::string anchor = found.path.empty() ? "" : tls::key_hash_of(found.path.back().get());
    const bool is_mapped = !names.has_xmpp_addr;
    std::string text;
    for (const xml::Jid& account :
         is_mapped ? tls::map_names(names, config.domain, config.sasl.mappings, anchor)
                   : names.accounts) {
        controller::Identity identity;
        identity.account = account.bare();
        identity.anchor = anchor;
        identity.path = links;
        identity.other_authorities = found.others;
        identity.fingerprint = tls::fingerprint_of(leaf);
        identity.key = tls::key_hash_of(leaf);
        identity.is_mapped = is_mapped;
        text += (text.empty() ? "" : ", ") + account.str();
        judged.identities.push_back(std::move(identity));
    }
    if (!judged.identities.empty())
        return judged.report.ok(
            "names", "names " + text + (is_mapped ? " by sasl.mappings" : " as id-on-xmppAddr")
        );
    std::string foreign;
    for (const auto& address : names.foreign) foreign += (foreign.empty() ? "" : ", ") + address;
    refuse(
        judged, "names",
        is_mapped ? tls::why_unmapped(names, config.domain, config.sasl.mappings, anchor)
                  : "the certificate has no xmppAddr of " + config.domain + ", only " + foreign,
        "have one issued with NAME@" + config.domain +
            " as id-on-xmppAddr (`gridctl enrol` makes the request), or see sasl.mappings"
    );
}

/// Lists that the server has read once, and keeps, count as well.
std::vector<std::string> with_kept_lists(const Local& local) {
    const std::filesystem::path folder = local.app.data / "crl";
    const tls::CrlStore kept(folder);
    std::vector<std::string> sources;
    std::error_code unreadable;
    for (const std::string& source : local.tls.crl)
        if (std::filesystem::exists(source, unreadable) || !kept.is_known(source))
            sources.push_back(source);
    for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable))
        if (entry.path().extension() == ".crl") sources.push_back(entry.path().string());
    return sources;
}

void judge_by_lists(
    const Local& local,
    const tls::Found& found,
    const std::vector<std::string>& links,
    Judged& judged
) {
    server::Config::Tls settings = local.tls;
    if (settings.crl.empty())
        return judged.report.ok("crl", "no revocation lists are configured (tls.crl)");
    settings.crl = with_kept_lists(local);
    server::LogSettings quiet;
    quiet.level = "error";
    server::Log log(quiet);
    std::unique_ptr<tls::CrlWatch> lists;
    try {
        lists = std::make_unique<tls::CrlWatch>(tls::client_crls(settings, {}), log);
    } catch (const std::runtime_error& error) {
        return judged.report.warn("crl", error.what(), "mend it, or give it the right owner");
    }
    std::vector<X509Ptr> authorities;
    for (std::size_t i = 1; i < found.path.size(); ++i)
        authorities.push_back(tls::share(found.path[i].get()));
    std::promise<bool> known;
    lists->learn(std::move(authorities), [&known](bool done) { known.set_value(done); });
    known.get_future().wait();
    using Standing = tls::CrlSet::Standing;
    const auto set = lists->current();
    const auto finding = set->check(links, server::now());
    const std::string which = finding.depth == 0 ? "the certificate" : "a CA certificate above it";
    if (finding.standing == Standing::Revoked)
        return refuse(
            judged, "crl", which + " was revoked by " + finding.crl->issuer_name,
            "have a new one issued; a revoked one does not come back"
        );
    if (finding.standing == Standing::Good)
        return judged.report.ok("crl", "on none of " + std::to_string(set->size()) + " lists");
    const std::string unknown =
        "whether " + which + " is revoked is not known: there is no current list of its issuer";
    if (settings.crl_policy == "closed")
        return refuse(judged, "crl", unknown, "put the CA's newest list where tls.crl looks");
    judged.report.warn(
        "crl", unknown + " (tls.crl_policy is open: it is let in)",
        "put the CA's newest list where tls.crl looks"
    );
}

void judge_by_responder(const Local& local, const tls::Found& found, Judged& judged) {
    const auto& settings = local.tls;
    if (settings.ocsp == "off") return judged.report.ok("ocsp", "is not asked (tls.ocsp is off)");
    if (found.path.size() < 2) return;
    const auto subject = tls::ocsp_subject(found.path[0].get(), found.path[1].get());
    if (!subject) return;
    server::LogSettings quiet;
    quiet.level = "error";
    server::Log log(quiet);
    boost::asio::io_context context;
    const auto client = std::make_shared<tls::OcspClient>(context, settings, log);
    tls::OcspVerdict verdict;
    client->ask(*subject, settings.ocsp_responder, true, [&verdict](tls::OcspVerdict said) {
        verdict = std::move(said);
    });
    context.run();
    if (!verdict.failure.empty() && settings.ocsp == "closed")
        return refuse(
            judged, "ocsp", "whether the certificate is revoked is not known: " + verdict.failure,
            "bring the responder up, or set tls.ocsp_responder"
        );
    if (!verdict.failure.empty())
        return judged.report.warn(
            "ocsp", verdict.failure + " (tls.ocsp is open: it is let in)",
            "bring the responder up, or set tls.ocsp_responder"
        );
    if (verdict.answer.standing == tls::OcspStanding::Revoked)
        return refuse(
            judged, "ocsp",
            "the certificate was revoked on " + xml::to_datetime(verdict.answer.revoked_at) +
                ", its OCSP responder says",
            "have a new one issued"
        );
    judged.report.ok("ocsp", "its responder says that it is not revoked");
}

}   // namespace

Judged judge_certificate(const Local& local, const std::vector<X509Ptr>& chain) {
    Judged judged;
    const server::Config& config = local.app.config;
    X509* leaf = chain.front().get();
    judged.report.ok(
        "file", tls::to_text(X509_get_subject_name(leaf)) + ", issued by " +
                    tls::to_text(X509_get_issuer_name(leaf)) + ", serial " + tls::serial_of(leaf) +
                    (chain.size() > 1
                         ? ", and " + std::to_string(chain.size() - 1) + " certificates behind it"
                         : "")
    );
    judged.report.add(dates_line(
        "dates", tls::to_millis(X509_get0_notBefore(leaf)),
        tls::to_millis(X509_get0_notAfter(leaf)), server::now()
    ));
    const std::unique_ptr<X509_STORE, tls::Deleter<X509_STORE_free>> anchors(X509_STORE_new());
    if (const auto trusted = tls::load_trust(anchors.get(), local.tls.client_ca); !trusted) {
        refuse(judged, "trust", trusted.error(), "give gridd's configuration by --config");
        return judged;
    }
    tls::Found found;
    if (const std::string why = why_unsound(chain, anchors.get(), found); !why.empty()) {
        refuse(judged, "chain", why, todo_of(found.verdict));
        return judged;
    }
    judged.report.ok(
        "chain", "leads to " + tls::to_text(X509_get_subject_name(found.path.back().get())) +
                     " in " + local.tls.client_ca + "; its usage allows a client's login"
    );
    const auto links = links_of(found.path);
    judge_names(config, leaf, found, links, judged);
    judge_by_lists(local, found, links, judged);
    judge_by_responder(local, found, judged);
    return judged;
}

void judge_account(const Local& local, const controller::Identity& identity, Judged& judged) {
    const std::string jid = identity.account.str();
    const auto store = server::look_at_store(local.app);
    if (!store)
        return judged.report.warn(
            "account", store.error(), "run this as gridd's user or root, or ask the server (--key)"
        );
    if (!*store)
        return judged.report.ok("account", "there is no store in " + local.app.data.string());
    const auto record = (*store)->get(storage::Family::Control, controller::account_key(jid));
    if (!record)
        return judged.report.warn("account", record.error().message(), "see `gridctl doctor`");
    std::optional<controller::Account> account;
    if (*record) account = controller::decode_account(jid, (*record)->value, (*record)->time);
    if (*record && !account)
        return refuse(judged, "account", "the record of " + jid + " is unreadable", "restore it");
    const auto admission = controller::admit(account ? &*account : nullptr, identity);
    if (admission.kind != controller::Admission::Kind::Enter) {
        judged.report.fail("account", jid + ": " + admission.text, todo_of(admission.kind, jid));
        if (judged.refusal.empty()) judged.refusal = admission.text;
        return;
    }
    switch (admission.state) {
        case controller::AccountState::Init:
            return judged.report.warn(
                "account",
                jid + " is not there yet: it may only register, unless a rule approves it",
                "let the client register, then gridctl accounts approve " + jid
            );
        case controller::AccountState::Pending:
            return judged.report.warn(
                "account", jid + " waits for approval", "gridctl accounts approve " + jid
            );
        default:
            judged.report.ok("account", jid + " is enabled, and this certificate is its own");
    }
}

}   // namespace grid::gridctl
