// server/tls/revocation/trust.cpp: see trust.hpp.
#include "server/tls/revocation/trust.hpp"

namespace grid::server::tls {

Trust::Trust(
    boost::asio::io_context& context,
    const Config& config,
    SSL_CTX* xmpp,
    SSL_CTX* http,
    Log& log,
    const std::filesystem::path& data
)
    : vetting_(context, config, log, data),
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

}   // namespace grid::server::tls
