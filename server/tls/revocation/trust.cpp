// server/tls/revocation/trust.cpp: see trust.hpp.
#include "server/tls/revocation/trust.hpp"

#include "server/tls/pem_file.hpp"

namespace grid::server::tls {

Trust::Trust(
    boost::asio::io_context& context,
    const Config& config,
    SSL_CTX* xmpp,
    SSL_CTX* http,
    Log& log,
    const std::filesystem::path& data
)
    : context_(context),
      log_(log),
      vetting_(context, config, log, data),
      staple_(std::make_shared<Staple>(context, config.tls, vetting_.ocsp(), log)),
      chains_(xmpp, config, [this](const std::vector<std::string>& path) {
          return vetting_.refused_now(path);
      }) {
    for (SSL_CTX* tls : {xmpp, http}) staple_->serve(tls);
}

void Trust::start(CrlWatch::OnRevoked on_revoked, OcspRecheck::InUse in_use) {
    vetting_.start(std::move(on_revoked), std::move(in_use));
    staple_->start();
}

void Trust::stop() {
    vetting_.stop();
    staple_->stop();
}

void Trust::renew(const Config::Tls& settings, SSL_CTX* xmpp, SSL_CTX* http) {
    staple_->stop();
    staple_ = std::make_shared<Staple>(context_, settings, vetting_.ocsp(), log_);
    for (SSL_CTX* tls : {xmpp, http}) staple_->serve(tls);
    staple_->start();
    chains_.use(xmpp);
    // A list of a CA that is new counts from now on, not from the first login of its client.
    if (auto anchors = read_certificates(settings.client_ca))
        vetting_.crls().learn(std::move(*anchors), [](bool) {});
}

}   // namespace grid::server::tls
