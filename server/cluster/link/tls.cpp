// server/cluster/link/tls.cpp: see tls.hpp.
#include "server/cluster/link/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "server/clock.hpp"
#include "server/pki/failure.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/library.hpp"
#include "server/tls/member_role.hpp"
#include "server/tls/names.hpp"
#include "server/tls/openssl_error.hpp"
#include "server/tls/paths/path.hpp"
#include "server/tls/pem_file.hpp"
#include "server/tls/raw_chain.hpp"
#include "server/tls/verdict.hpp"
#include "server/tls/verify.hpp"
#include "xml/datetime.hpp"

namespace grid::server::cluster {

namespace {

using pki::Failure;

constexpr long member_chain_bytes_max = 32 * 1024;

/// Both sides of a link are client and server in turn: which of them connects is drawn by lot.
std::string why_no_member(const X509* certificate, const std::string& name) {
    const auto role = member_of(certificate);
    if (!role) return role.error();
    if (*role != name) return "it is of the member " + *role + ", and cluster.member is " + name;
    const auto until = tls::to_millis(X509_get0_notAfter(certificate));
    if (until < now()) return "it expired on " + xml::to_datetime(until);
    auto* checked = const_cast<X509*>(certificate);   // OpenSSL caches extensions in it
    if (X509_check_purpose(checked, X509_PURPOSE_SSL_SERVER, 0) != 1 ||
        X509_check_purpose(checked, X509_PURPOSE_SSL_CLIENT, 0) != 1)
        return "its key usages do not allow both serverAuth and clientAuth";
    return {};
}

Result<void, std::string> load_member(SSL_CTX* context, const LinksSettings& from) {
    const auto chain = tls::read_certificates(from.certificate);
    if (!chain) return Failure{chain.error()};
    const auto own_key = tls::read_key(from.key);
    if (!own_key) return Failure{own_key.error()};
    X509* own = chain->front().get();
    if (X509_check_private_key(own, own_key->get()) != 1) {
        ERR_clear_error();
        return Failure{
            from.key + ": the key does not belong to the certificate in " + from.certificate
        };
    }
    bool is_loaded = SSL_CTX_use_certificate(context, own) == 1 &&
                     SSL_CTX_use_PrivateKey(context, own_key->get()) == 1;
    for (std::size_t i = 1; is_loaded && i < chain->size(); ++i)
        is_loaded = SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) == 1;
    if (!is_loaded) return Failure{from.certificate + ": " + tls::take_openssl_failure()};
    const auto anchors = tls::load_trust(SSL_CTX_get_cert_store(context), from.ca);
    if (!anchors) return Failure{anchors.error()};
    return {};
}

Result<tls::Context, std::string> make_member_context(
    const SSL_METHOD* method, const LinksSettings& from
) {
    tls::Context context(SSL_CTX_new_ex(tls::handshake_library(), nullptr, method));
    if (!context) return Failure{"TLS: " + tls::take_openssl_failure()};
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_security_level(context.get(), tls::security_level);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_max_cert_list(context.get(), member_chain_bytes_max);
    SSL_CTX_set_verify_depth(context.get(), tls::chain_depth_max);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), tls::strict_verify, nullptr);
    SSL_CTX_set_msg_callback(context.get(), tls::on_message);
    if (auto loaded = load_member(context.get(), from); !loaded) return Failure{loaded.error()};
    return context;
}

}   // namespace

Result<MemberTls, std::string> make_member_tls(const LinksSettings& settings) {
    auto accepting = make_member_context(TLS_server_method(), settings);
    if (!accepting) return Failure{accepting.error()};
    auto connecting = make_member_context(TLS_client_method(), settings);
    if (!connecting) return Failure{connecting.error()};
    const auto why = why_no_member(SSL_CTX_get0_certificate(accepting->get()), settings.self.name);
    if (!why.empty())
        return Failure{settings.certificate + ": the certificate is not for a member: " + why};
    return MemberTls{std::move(*accepting), std::move(*connecting)};
}

Result<std::string, std::string> member_of(const X509* certificate) {
    const tls::Names names = tls::read_names(certificate, {});
    if (!names.malformed.empty()) return Failure{"it is refused: " + names.malformed};
    std::string found;
    for (const std::string& uri : names.uris) {
        if (!uri.starts_with(tls::member_urn)) continue;
        if (!found.empty()) return Failure{"it names more than one member"};
        found = uri.substr(tls::member_urn.size());
        if (!tls::is_member_name(found)) return Failure{"the name of a member in it is none"};
    }
    if (found.empty())
        return Failure{
            "it has no role of a member (subjectAltName URI:" + std::string(tls::member_urn) +
            "NAME)"
        };
    return Result<std::string, std::string>(boost::system::in_place_value, std::move(found));
}

namespace {

Shown shown_along(std::vector<tls::X509Ptr> path) {
    Shown shown;
    shown.path = std::move(path);
    for (std::size_t i = 0; i < shown.path.size(); ++i) {
        const X509* one = shown.path[i].get();
        const auto until = tls::to_millis(X509_get0_notAfter(one));
        shown.valid_until = i == 0 ? until : std::min(shown.valid_until, until);
        if (i > 0)
            shown.links.push_back(
                tls::key_hash_of(one) + ":" + tls::serial_of(shown.path[i - 1].get())
            );
    }
    return shown;
}

}   // namespace

Shown shown_by(const SSL* ssl) { return shown_along(tls::verified_path_of(ssl)); }

Shown shown_to_others(SSL_CTX* context) {
    STACK_OF(X509)* sent = nullptr;
    SSL_CTX_get0_chain_certs(context, &sent);
    X509* own = SSL_CTX_get0_certificate(context);
    return shown_along(tls::find_paths(own, sent, SSL_CTX_get_cert_store(context)).path);
}

std::string why_not_trusted(const Shown& shown, SSL_CTX* context) {
    if (shown.path.empty()) return "its certificate is not known any more";
    const tls::Stack sent(sk_X509_new_null());
    for (const tls::X509Ptr& one : shown.path) sk_X509_push(sent.get(), one.get());
    const auto found =
        tls::find_paths(shown.path.front().get(), sent.get(), SSL_CTX_get_cert_store(context));
    return found.verdict.error == X509_V_OK ? std::string() : tls::to_reason(found.verdict, now());
}

Result<std::string, std::string> member_of(const SSL* ssl) {
    const auto certificate = tls::certificate_of(ssl);
    if (!certificate) return Failure{"there is no certificate"};
    if (SSL_is_server(ssl) == 0 &&
        X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_SERVER, 0) != 1)
        return Failure{"its key usages do not allow serverAuth"};
    return member_of(certificate.get());
}

}   // namespace grid::server::cluster
