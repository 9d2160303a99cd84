// server/config/config.hpp: every option of gridd.toml as a value with its default. Read by
// server/config/file.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/settings.hpp"
#include "pubsub/settings.hpp"
#include "server/config/components.hpp"
#include "server/config/contact.hpp"
#include "server/config/external.hpp"
#include "server/config/log_settings.hpp"
#include "xml/limits.hpp"

namespace grid::server {

/// true, false, or a word for what is decided at the start.
struct YesNoOr {
    std::string text;
    bool is_yes() const { return text == "true"; }
    bool is_open() const { return text != "true" && text != "false"; }
    YesNoOr& operator=(bool yes) { return text = yes ? "true" : "false", *this; }
};

/// Times are in the unit that the name says, sizes in bytes. Names (domains, addresses, hashes) are
/// prepared when they are read, so that they can be compared byte by byte afterwards.
struct Config {
    std::string domain = "grid.localhost";   // canonical (RFC 7622): lower case, U-labels

    struct Listen {   // "address:port"; empty: off; port 0: any free one
        std::string c2s = "0.0.0.0:5222";
        std::string c2s_tls = "0.0.0.0:5223";
        std::string http = "0.0.0.0:8443";
        std::string health;                    // plain HTTP: /healthz and /readyz, no more
        std::string metrics;                   // plain HTTP: the same, and /metrics
        std::string socks5 = "0.0.0.0:7777";   // byte streams (XEP-0065)
        std::string component;                 // components (XEP-0114), on a loopback address
        std::string cluster;                   // other members of the cluster
    } listen;

    /// Several members over one log in etcd; without a name this is a grid of one server.
    struct Cluster {
        std::string name;                // of the cluster in etcd; empty: none
        std::string member;              // of this member: unique in the cluster
        std::vector<std::string> etcd;   // https://HOST:PORT; http:// on loopback alone
        std::string etcd_ca, etcd_certificate, etcd_key;   // PEM files
        std::string ca, certificate, key;                  // PEM files, of the members' links
        std::vector<std::string> crl;   // of members' certificates: files or directories
        std::string address;   // HOST:PORT as members reach listen.cluster; empty: as it is open
        std::string clients;   // HOST:PORT for clients that are sent here; empty: none are
        std::uint32_t max_staleness_ms = 2'000;
        std::string when_stale = "refuse";   // or serve
        std::string acknowledge = "here";    // or everywhere
        // In the log, for members that are away for a while: neither more groups nor more bytes.
        std::size_t groups_kept = 2'000;
        std::size_t log_bytes_kept = 256UL * 1024 * 1024;
        std::string uploads = "elsewhere";   // are answered when they are there, too; or here
        std::size_t files_bytes_per_second = 32UL * 1024 * 1024;   // fetched unasked; 0: any
        bool is_on() const { return !name.empty(); }
    } cluster;

    struct Metrics {
        /// Between two batches of the server's own, whose way through the store is timed; 0: none.
        std::uint32_t probe_seconds = 15;
    } metrics;

    struct Tls {
        std::string certificate, key;   // PEM files; both empty: the evaluation CA makes them
        std::string client_ca;          // PEM bundle of trust anchors for clients
        std::string min_version = "1.2";
        std::string ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";   // of TLS 1.2
        std::string groups = "X25519:P-256:P-384:P-521";   // of key exchange, and of ECDSA in 1.2
        // True: refuse in the TLS handshake; false: at SASL, with XMPP's error.
        bool require_client_certificate = false;
        std::vector<std::string> crl;      // files or directories
        std::string crl_policy = "open";   // or closed
        std::string ocsp = "off";          // or open, closed
        std::string ocsp_responder;        // empty: the one that the certificate names
        std::uint32_t ocsp_timeout_ms = 3'000;
        std::uint32_t ocsp_questions_max = 64;
        std::size_t ocsp_cache_max = 10'000;
        std::uint32_t ocsp_cache_seconds_max = 3'600;
        bool ocsp_nonce = false;
        std::uint32_t resumption_seconds_max = 3'600;   // by tickets; 0: none
        bool staple = true;
        std::string staple_responder;   // empty: the one that the server's certificate names
    } tls;

    struct Http {                // services of listen.http besides administration
        bool websocket = true;   // RFC 7395, at /xmpp-websocket
        bool bosh = true;        // XEP-0124, at /http-bind
        std::vector<std::string> allowed_origins;   // of web pages, besides the server's own
        std::string static_dir;                     // files of a web application; empty: none
    } http;

    struct Console {                       // at /console/
        bool password_sign_in = false;     // besides certificates, with a second factor
        std::uint32_t idle_minutes = 15;   // then who is signed in by password is signed out
        std::uint32_t hours_max = 12;      // the same, whatever happens
    } console;

    struct Mapping {          // for certificates without an xmppAddr
        std::string source;   // cn, dns, email
        std::string ca;       // SHA-256 of the anchor's key, hex; empty: every CA
    };
    struct Sasl {
        std::vector<Mapping> mappings;
        std::uint32_t attempts_max = 3;
        bool passwords = false;
        std::vector<std::string> mechanisms{"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS",
                                            "SCRAM-SHA-1-PLUS",   "SCRAM-SHA-512",
                                            "SCRAM-SHA-256",      "SCRAM-SHA-1"};
        bool plain = false;
        std::uint32_t iterations = 10'000;   // of a password that is set from now on
        std::uint32_t token_days = 14;       // XEP-0484; 0: no tokens
        // Failed logins by password within failure_seconds, before more are refused unseen.
        std::uint32_t failures_per_account_max = 20;
        std::uint32_t failures_per_address_max = 100;
        std::uint32_t failure_seconds = 300;
    } sasl;

    struct Registration {
        bool in_band = false;                // XEP-0077: accounts with a password, for whoever asks
        std::uint32_t per_address_max = 5;   // in an hour
    } registration;

    struct Limits {
        xml::Limits xml;
        std::uint32_t stanza_seconds_max = 30;   // from its first byte to its last; 0: no bound
        std::uint32_t pre_auth_seconds_max = 15;
        std::uint32_t pre_auth_bytes_max = 16 * 1024;
        std::uint32_t pre_auth_stanzas_max = 16;
        std::size_t pre_auth_stanza_bytes_max = 10'000;   // RFC 6120 §13.12
        std::size_t pre_auth_elements_max = 64;
        std::size_t pre_auth_depth_max = 8;
        std::size_t pre_auth_attributes_max = 16;
        std::uint32_t pre_auth_connections_max = 1'500;
        std::uint32_t pre_auth_tls_max = 256;   // of those
        std::uint32_t pre_auth_per_address_max = 500;
        std::uint32_t connections_max = 19'000;
        std::uint32_t connections_per_address_max = 19'000;
        std::uint32_t resources_per_account_max = 32;
        std::size_t stanzas_per_second = 50'000;             // per session; 0: no bound
        std::size_t bytes_per_second = 64UL * 1024 * 1024;   // the same
        std::uint32_t burst_seconds_max = 2;                 // of both, that a session may save up
        std::uint32_t flood_seconds_max = 300;               // slowed down without a break; 0: any
        std::uint32_t idle_seconds_max = 600;   // then the server pings; silence ends the stream
        std::size_t outbox_bytes_max = 4 * 1024 * 1024;         // per session
        std::size_t process_bytes_max = 1024UL * 1024 * 1024;   // all queues together
        std::uint32_t http_connections_max = 512;
        std::uint32_t http_per_address_max = 128;
        std::uint32_t http_strangers_max = 64;
        std::uint32_t http_body_bytes_max = 1024 * 1024;

        /// For a stream on which no resource is bound: there is little to say on it.
        xml::Limits before_login() const {
            xml::Limits few = xml;
            few.named = "limits.pre_auth_";
            few.stanza_bytes_max = pre_auth_stanza_bytes_max;
            few.elements_max = pre_auth_elements_max;
            few.depth_max = pre_auth_depth_max;
            few.attributes_max = pre_auth_attributes_max;
            return few;
        }
        /// Before TLS: `<starttls/>` and no more.
        xml::Limits in_the_clear() const {
            xml::Limits few = before_login();
            few.named = "before TLS: ";
            few.stanza_bytes_max = 1024;
            return few;
        }
    } limits;

    /// Of clients with stream management (XEP-0198).
    struct Sessions {
        std::uint32_t hibernation_seconds_max = 300;   // without a connection; 0: none is resumed
        std::uint32_t hibernating_max = 10'000;        // sessions, all accounts together
        std::uint32_t ack_seconds_max = 60;            // to answer <r/>
        /// Contacts whose presence waits for a client that is inactive (XEP-0352); 0: none does.
        std::size_t held_presence_max = 256;
    } sessions;

    struct Reactor {
        std::uint32_t threads = 0;   // 0: one per core
    } reactor;

    /// [bulk] besides the bounds of transfers, which are the controller's.
    struct Bulk {
        std::string proxy_host;            // as clients reach listen.socks5; empty: the domain
        std::uint32_t proxy_port = 0;      // 0: the port of listen.socks5
        bool tls_required = false;         // at listen.socks5
        std::uint32_t waiting_max = 512;   // connections whose stream is not active
        std::uint32_t waiting_per_address_max = 128;
        std::uint32_t waiting_seconds_max = 30;   // for the other end, and activation
    } bulk;

    struct Storage {
        std::size_t free_bytes_min = 512UL * 1024 * 1024;
        std::uint32_t reopen_after_seconds = 10;
    } storage;

    /// [pubsub]; controller.subtopics_share_percent is a member of the broker's settings, too.
    struct Pubsub : pubsub::Settings {
        std::string address = "pubsub";   // the broker is at it, below the domain; or "broker"
        std::string subscribe_again = "same";
    } pubsub;

    /// [controller]; keys of [accounts] and [audit] are members of the controller's settings, too.
    struct Controller : controller::Settings {
        std::vector<std::string> aliases{"grid_controller.jabber"};
        std::uint32_t query_timeout_seconds = 120;
        std::uint32_t queries_per_session_max = 256;
        std::uint32_t subtopic_grace_seconds = 60;
    } controller;

    /// Keys of [files] are members of the controller's settings; these are the server's own.
    struct Files {
        std::size_t free_bytes_min = 1024UL * 1024 * 1024;   // left to others on the disk
        std::uint32_t threads = 4;                           // that wait for the disk
    } files;

    struct Backup {
        std::string dir;          // absolute; empty: `backups` in the data directory
        std::uint32_t keep = 7;   // the newest; older ones are removed
    } backup;

    Contact contact;
    External external;
    Components components;

    struct Accounts {
        YesNoOr auto_approve{"evaluation"};   // or true, false
        std::uint32_t pending_expire_days = 30;
        std::vector<std::string> approve;          // rules: controller/accounts/approval.hpp
        std::vector<std::string> administrators;   // bare JIDs, besides those made by gridctl
    } accounts;

    struct Policy {
        std::string file;   // installed when the store has no policy yet
    } policy;

    struct Audit {
        std::uint32_t keep_days = 365;                       // 0: for ever
        std::size_t keep_bytes = 8UL * 1024 * 1024 * 1024;   // 0: any number
        std::uint32_t head_log_seconds = 3600;               // 0: only at the end
        std::string export_to;   // file:, udp:, tcp: or unix:; empty: nowhere
    } audit;

    struct Reload {
        bool on_change = true;   // of the configuration, or of a file that it names
    } reload;

    LogSettings log;

    /// Where the options were given, for texts that blame one: file:line:column, --set, or the name
    /// in the environment. An option that is not here has its default.
    struct Origin {
        std::map<std::string, std::string, std::less<>> places;
        std::vector<std::string> remarks;   // values that were read and have no effect
        std::vector<std::string> files;     // that values were read from: gridd.toml, KEY=@FILE
        bool is_given(std::string_view key) const { return places.find(key) != places.end(); }
    } origin;
};

}   // namespace grid::server
