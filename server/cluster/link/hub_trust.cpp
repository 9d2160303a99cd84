// server/cluster/link/hub_trust.cpp: certificates of links: renewed, revoked, and not trusted any
// more.
#include <algorithm>
#include <utility>

#include "server/clock.hpp"
#include "server/cluster/link/hub.hpp"
#include "server/pki/failure.hpp"
#include "server/tls/pem_file.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;

void LinksHub::watch_revocations() {
    crls_->start([weak = weak_from_this()](std::vector<std::string> links) {
        const auto self = weak.lock();
        if (!self) return;
        asio::post(self->strand_, [weak, links = std::move(links)] {
            if (const auto alive = weak.lock()) alive->cut_revoked(links);
        });
    });
}

/// Any thread.
std::string LinksHub::objection_to(const SSL* ssl) const {
    return crls_->is_on() ? revocation_of(shown_by(ssl)) : std::string();
}

std::string LinksHub::own_revocation() const {
    if (!crls_->is_on()) return {};
    return revocation_of(shown_to_others(tls(&MemberTls::accepting).get()));
}

std::string LinksHub::revocation_of(const Shown& shown) const {
    const auto found = crls_->current()->check(shown.links, now());
    if (found.standing != tls::CrlSet::Standing::Revoked) return {};
    return found.depth == 0 ? "its certificate is revoked (cluster.crl)"
                            : "the CA of its certificate is revoked (cluster.crl)";
}

Objection LinksHub::objection() const {
    return [self = shared_from_this()](const SSL* ssl) { return self->objection_to(ssl); };
}

/// Lists of CAs between the anchor and the member's certificate count from now on, too.
void LinksHub::note_shown(Peer& peer, const SSL* ssl) {
    peer.shown = shown_by(ssl);
    peer.valid_until = peer.shown.valid_until;
    if (!crls_->is_on()) return;
    std::vector<tls::X509Ptr> authorities;
    for (std::size_t i = 1; i < peer.shown.path.size(); ++i)
        authorities.push_back(tls::share(peer.shown.path[i].get()));
    crls_->learn(std::move(authorities), [](bool) {});
}

void LinksHub::cut_revoked(const std::vector<std::string>& links) {
    for (const PeerPtr& peer : peers()) {
        const auto link = peer->link;
        const bool is_revoked = std::ranges::any_of(peer->shown.links, [&](const auto& one) {
            return std::ranges::find(links, one) != links.end();
        });
        if (link && is_revoked) link->end("its certificate was revoked (cluster.crl)");
    }
}

void LinksHub::cut_untrusted() {
    const auto context = tls(&MemberTls::accepting);
    for (const PeerPtr& peer : peers()) {
        const auto link = peer->link;
        if (!link) continue;
        const std::string why = why_not_trusted(peer->shown, context.get());
        if (!why.empty()) link->end("its certificate is not trusted any more: " + why);
    }
}

/// As streams of clients end. A certificate that was renewed meanwhile makes the next link.
void LinksHub::cut_expired() {
    const storage::Millis time = now();
    for (const PeerPtr& peer : peers()) {
        const auto link = peer->link;
        if (link && peer->valid_until != 0 && peer->valid_until <= time)
            link->end("its certificate has expired");
    }
}

Result<Links::Step, std::string> LinksHub::prepare_renewal() {
    auto fresh = make_member_tls(settings_);
    if (!fresh) return pki::Failure{"cluster: " + fresh.error()};
    const auto made = std::make_shared<MemberTls>(std::move(*fresh));
    return Step([self = shared_from_this(), made] {
        {
            const std::lock_guard lock(self->mutex_);
            self->tls_ = std::move(*made);
        }
        if (auto anchors = tls::read_certificates(self->settings_.ca))
            self->crls_->learn(std::move(*anchors), [](bool) {});
        self->crls_->reload();
        asio::post(self->strand_, [self] { self->cut_untrusted(); });
    });
}

tls::Context LinksHub::tls(tls::Context MemberTls::* side) const {
    const std::lock_guard lock(mutex_);
    return tls::share((tls_.*side).get());
}

storage::Millis LinksHub::valid_until() const {
    return tls::expiry_of(tls(&MemberTls::accepting).get());
}

std::vector<std::string> LinksHub::problems() const { return crls_->problems(); }

}   // namespace grid::server::cluster
