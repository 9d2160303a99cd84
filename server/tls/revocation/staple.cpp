// server/tls/revocation/staple.cpp: see staple.hpp.
#include "server/tls/revocation/staple.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "server/clock.hpp"
#include "server/tls/pem_file.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {
constexpr auto retry_after = milliseconds(30'000);
constexpr auto refresh_min = milliseconds(1'000), refresh_max = milliseconds(3'600'000);

/// Our certificate and who issued it: from our own chain, else from the CAs of the clients.
std::optional<OcspSubject> own_subject(const Config::Tls& settings) {
    auto chain = read_certificates(settings.certificate);
    if (!chain) return std::nullopt;
    auto others = read_certificates(settings.client_ca);
    X509* own = chain->front().get();
    for (auto* list : {&*chain, others ? &*others : nullptr}) {
        if (list == nullptr) continue;
        for (const X509Ptr& candidate : *list)
            if (candidate.get() != own && X509_check_issued(candidate.get(), own) == X509_V_OK)
                return ocsp_subject(own, candidate.get());
    }
    return std::nullopt;
}

/// Of a context in the answer; it ends with the context.
using Share = std::shared_ptr<StapledAnswer>;
void end_share(void*, void* share, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<Share*>(share);
}
int share_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, end_share);
    return index;
}

}   // namespace

Staple::Staple(
    asio::io_context& context,
    const Config::Tls& settings,
    std::shared_ptr<OcspClient> client,
    Log& log
)
    : settings_(settings),
      client_(std::move(client)),
      log_(log),
      strand_(asio::make_strand(context)),
      timer_(strand_) {
    if (settings.staple) subject_ = own_subject(settings);
    if (subject_ && subject_->url.empty() && settings.staple_responder.empty()) subject_.reset();
}

void Staple::serve(SSL_CTX* context) {
    if (!subject_) return;
    auto share = std::make_unique<Share>(answer_);
    if (SSL_CTX_set_ex_data(context, share_index(), share.get()) != 1) return;
    SSL_CTX_set_tlsext_status_cb(context, answer);
    SSL_CTX_set_tlsext_status_arg(context, share.release()->get());
}

void Staple::start() {
    if (subject_) asio::post(strand_, [self = shared_from_this()] { self->refresh(); });
}

void Staple::stop() {
    asio::post(strand_, [self = shared_from_this()] {
        self->is_stopped_ = true;
        self->timer_.cancel();
    });
}

void Staple::refresh() {
    client_->ask(
        *subject_, settings_.staple_responder, true,
        [self = shared_from_this()](auto got) {
            asio::post(self->strand_, [self, got = std::move(got)]() mutable {
                self->take(std::move(got));
            });
        }
    );
}

void Staple::take(OcspVerdict verdict) {
    if (is_stopped_) return;
    const auto time = now();
    // An answer that says "revoked" is stapled too: the client is to know.
    if (!verdict.failure.empty() || verdict.der.empty()) {
        log_.warn("staple_failed", {{"reason", verdict.failure}});
        return wait(retry_after);
    }
    const auto next = verdict.answer.next_update;
    const auto until = next != 0 ? next : time + refresh_max.count();
    answer_->put(std::move(verdict.der), until);
    const bool is_good = verdict.answer.standing == OcspStanding::Good;
    log_.write(
        is_good ? Level::Info : Level::Error, "stapled",
        {{"status", is_good ? "good" : "revoked"}, {"until", xml::to_datetime(until)}}
    );
    wait(std::clamp(milliseconds((until - time) / 2), refresh_min, refresh_max));
}

void Staple::wait(milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        auto self = weak.lock();
        if (!error && self && !self->is_stopped_) self->refresh();
    });
}

void StapledAnswer::put(std::string der, storage::Millis until) {
    auto shared = std::make_shared<const std::string>(std::move(der));
    const std::lock_guard lock(mutex_);
    der_ = std::move(shared);
    until_ = until;
}

std::shared_ptr<const std::string> StapledAnswer::current() const {
    const std::lock_guard lock(mutex_);
    return until_ > now() ? der_ : nullptr;
}

int Staple::answer(SSL* ssl, void* stapled) {
    const auto der = static_cast<StapledAnswer*>(stapled)->current();
    if (!der) return SSL_TLSEXT_ERR_NOACK;
    void* copy = OPENSSL_malloc(der->size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    std::memcpy(copy, der->data(), der->size());
    if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der->size())) == 1)
        return SSL_TLSEXT_ERR_OK;
    OPENSSL_free(copy);
    return SSL_TLSEXT_ERR_NOACK;
}

}   // namespace grid::server::tls
