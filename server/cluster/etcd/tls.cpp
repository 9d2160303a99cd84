// server/cluster/etcd/tls.cpp: see tls.hpp.
#include "server/cluster/etcd/tls.hpp"

#include <sys/stat.h>

#include <utility>

namespace grid::server::cluster {
namespace {

namespace ssl = boost::asio::ssl;

/// So long a session is resumed: behind that etcd shows its certificate again.
constexpr auto session_max = std::chrono::minutes(10);

/// Changes with the content of a file, as programs write it.
std::string mark_of(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return {};
    std::string mark;
    for (const auto number :
         {static_cast<std::int64_t>(found.st_dev), static_cast<std::int64_t>(found.st_ino),
          static_cast<std::int64_t>(found.st_size), static_cast<std::int64_t>(found.st_mtim.tv_sec),
          static_cast<std::int64_t>(found.st_mtim.tv_nsec),
          static_cast<std::int64_t>(found.st_ctim.tv_sec),
          static_cast<std::int64_t>(found.st_ctim.tv_nsec)})
        mark += std::to_string(number) + " ";
    return mark;
}

}   // namespace

std::string load_etcd_files(ssl::context& tls, const EtcdSettings& from) {
    boost::system::error_code error;
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    tls.set_verify_mode(ssl::verify_peer);
    tls.load_verify_file(from.ca, error);
    if (error)
        return "cluster.etcd_ca: '" + from.ca + "' holds no CA certificate: " + error.message();
    tls.use_certificate_chain_file(from.certificate, error);
    if (error)
        return "cluster.etcd_certificate: '" + from.certificate +
               "' holds no certificate: " + error.message();
    // A question for a passphrase would hang.
    tls.set_password_callback([](std::size_t, ssl::context::password_purpose) {
        return std::string();
    });
    tls.use_private_key_file(from.key, ssl::context::pem, error);
    if (error)
        return "cluster.etcd_key: '" + from.key +
               "' is no key of the certificate: " + error.message();
    return {};
}

std::string etcd_files_fault(const EtcdSettings& settings) {
    if (settings.ca.empty()) return {};   // http:// alone
    ssl::context context(ssl::context::tls_client);
    return load_etcd_files(context, settings);
}

EtcdTls::EtcdTls(const EtcdSettings& files) : files_(files) {}

std::vector<std::string> EtcdTls::marks() const {
    return {mark_of(files_.ca), mark_of(files_.certificate), mark_of(files_.key)};
}

EtcdTls::Current EtcdTls::current() {
    auto now = marks();
    const std::lock_guard lock(mutex_);
    if (now == marks_) return current_;
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    current_.fault = load_etcd_files(*context, files_);
    marks_ = std::move(now);
    // A file may be written while the others are not yet.
    if (!current_.fault.empty()) return current_;
    current_.context = std::move(context);
    ++current_.version;
    sessions_.clear();
    return current_;
}

std::uint64_t EtcdTls::version() const {
    const std::lock_guard lock(mutex_);
    return current_.version;
}

void EtcdTls::renew() {
    {
        const std::lock_guard lock(mutex_);
        marks_.clear();
    }
    current();
}

/// A copy: the end of a connection makes the session that it has itself useless.
void EtcdTls::keep_session(const std::string& url, std::uint64_t version, SSL* of) {
    const SSL_SESSION* session = SSL_get0_session(of);
    if (session == nullptr || SSL_SESSION_is_resumable(session) == 0) return;
    std::unique_ptr<SSL_SESSION, SessionDeleter> copy(SSL_SESSION_dup(session));
    const std::lock_guard lock(mutex_);
    if (!copy || version != current_.version) return;
    Kept& kept = sessions_[url];
    // A session that was resumed itself is as old as the first one.
    if (!kept.session || SSL_session_reused(of) == 0) kept.since = Clock::now();
    kept.session = std::move(copy);
}

bool EtcdTls::offer_session(const std::string& url, std::uint64_t version, SSL* to) {
    std::unique_ptr<SSL_SESSION, SessionDeleter> copy;
    {
        const std::lock_guard lock(mutex_);
        const auto kept = sessions_.find(url);
        if (kept == sessions_.end() || version != current_.version) return false;
        if (Clock::now() - kept->second.since > session_max) {
            sessions_.erase(kept);
            return false;
        }
        copy.reset(SSL_SESSION_dup(kept->second.session.get()));
    }
    return copy && SSL_set_session(to, copy.get()) == 1;
}

}   // namespace grid::server::cluster
