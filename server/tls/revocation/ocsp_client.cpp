// server/tls/revocation/ocsp_client.cpp: see ocsp_client.hpp.
#include "server/tls/revocation/ocsp_client.hpp"

#include "server/clock.hpp"
#include "server/tls/pem_file.hpp"
#include "server/tls/revocation/ocsp_fetch.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;

namespace {

constexpr std::size_t waiting_per_question_max = 1'000;

/// A responder's signature must lead to the CAs that the clients' do.
StorePtr make_anchors(const std::string& bundle) {
    StorePtr store(X509_STORE_new());
    if (auto anchors = read_certificates(bundle))
        for (const X509Ptr& anchor : *anchors) X509_STORE_add_cert(store.get(), anchor.get());
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    return store;
}

}   // namespace

OcspClient::OcspClient(asio::io_context& context, const Config::Tls& settings, Log& log)
    : strand_(asio::make_strand(context)),
      log_(log),
      deadline_(settings.ocsp_timeout_ms),
      with_nonce_(settings.ocsp_nonce),
      questions_max_(settings.ocsp_questions_max),
      anchors_(make_anchors(settings.client_ca)),
      cache_(settings.ocsp_cache_max, storage::Millis{settings.ocsp_cache_seconds_max} * 1000) {}

void OcspClient::ask(OcspSubject subject, std::string responder, bool is_fresh, Done done) {
    asio::post(
        strand_,
        [self = shared_from_this(), subject = std::move(subject), responder = std::move(responder),
         is_fresh, done = std::move(done)]() mutable {
            const OcspKnown* known = is_fresh ? nullptr : self->cache_.find(subject.id, now());
            if (known != nullptr) {
                OcspVerdict verdict{known->answer, known->failure, {}, known->until};
                self->stay_revoked(subject.id, verdict);
                return done(std::move(verdict));
            }
            std::string url = responder.empty() ? subject.url : std::move(responder);
            if (url.empty()) {
                const std::string why =
                    "the certificate names no OCSP responder (http://), and tls.ocsp_responder is "
                    "not set";
                self->cache_.keep_failure(subject.id, why, now());
                self->log_.warn("ocsp_failed", {{"subject", subject.name}, {"reason", why}});
                return done({{}, why, {}});
            }
            const auto waiting = self->waiting_.find(subject.id);
            const bool is_full = waiting == self->waiting_.end()
                                     ? self->waiting_.size() >= self->questions_max_
                                     : waiting->second.size() >= waiting_per_question_max;
            if (is_full)
                return done(
                    {{}, "tls.ocsp_questions_max questions to OCSP responders are under way", {}}
                );
            self->waiting_[subject.id].push_back(std::move(done));
            if (waiting != self->waiting_.end()) return;
            asio::co_spawn(
                self->strand_, run(self, std::move(subject), std::move(url)), asio::detached
            );
        }
    );
}

asio::awaitable<void> OcspClient::run(
    std::shared_ptr<OcspClient> self, OcspSubject subject, std::string url
) {
    OcspVerdict verdict;
    // Waiting callers are answered, whatever goes wrong.
    try {
        verdict = co_await self->fetch(subject, url);
    } catch (const std::exception& fault) {
        verdict.failure = fault.what();
    }
    if (verdict.failure.empty()) {
        verdict.until = self->cache_.keep(subject.id, verdict.answer, now());
    } else {
        self->cache_.keep_failure(subject.id, verdict.failure, now());
        self->log_.warn("ocsp_failed", {{"subject", subject.name}, {"reason", verdict.failure}});
        self->stay_revoked(subject.id, verdict);
    }
    self->answer(subject.id, verdict);
}

asio::awaitable<OcspVerdict> OcspClient::fetch(const OcspSubject& subject, const std::string& url) {
    OcspVerdict verdict;
    const OcspQuestion question = make_question(subject, with_nonce_);
    auto fetched = co_await fetch_ocsp(strand_, url, question.der, deadline_);
    if (!fetched.failure.empty()) {
        verdict.failure = std::move(fetched.failure);
        co_return verdict;
    }
    auto read = read_answer(fetched.body, subject, question, anchors_.get());
    if (!read)
        verdict.failure = read.error();
    else if (read->standing == OcspStanding::Unknown)
        verdict.failure = "the responder " + shown_url(url) + " does not know the certificate";
    else
        verdict.answer = *read;
    verdict.der = std::move(fetched.body);
    co_return verdict;
}

void OcspClient::stay_revoked(const std::string& id, OcspVerdict& verdict) const {
    const OcspAnswer* revoked = verdict.failure.empty() ? nullptr : cache_.revoked(id);
    if (revoked == nullptr) return;
    verdict.answer = *revoked;
    verdict.failure.clear();
    verdict.der.clear();   // out of date: nothing to staple
}

void OcspClient::answer(const std::string& id, const OcspVerdict& verdict) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    auto all = std::move(found->second);
    waiting_.erase(found);
    for (const Done& done : all) done(verdict);
}

}   // namespace grid::server::tls
