// server/cluster/directory.cpp: members come and go.
#include "server/cluster/directory.hpp"

#include <algorithm>

#include "server/clock.hpp"
#include "server/cluster/directory_peer.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"

namespace grid::server::cluster {

namespace {

constexpr std::size_t depth_most = 4'096;

/// The first element of that text, whose namespace is that of clients; with all it holds, or its
/// start tag alone.
std::optional<xml::Element> read_stanza(const std::string& text) {
    xml::Limits limits;
    // The text was within the bounds of its sender's stream. An element is freed by as many calls
    // as it is deep.
    limits.depth_max = std::min(text.size() + 64, depth_most);
    limits.stanza_bytes_max = limits.attributes_max = limits.declarations_max =
        limits.bindings_max = limits.elements_max = limits.name_bytes_max = text.size() + 64;
    auto parsed = xml::parse_document("<x xmlns='jabber:client'>" + text + "</x>", limits);
    auto* around = std::get_if<xml::Element>(&parsed);
    if (!around || around->child_count() != 1) return std::nullopt;
    return std::move(around->mutable_nodes().front());
}

/// Of a text that a server wrote: its first start tag as an element.
std::optional<xml::Element> read_start_tag(const std::string& text) {
    char quote = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char one = text[at];
        if (quote != 0) {
            if (one == quote) quote = 0;
        } else if (one == '\'' || one == '"') {
            quote = one;
        } else if (one == '>') {
            const std::size_t end = at != 0 && text[at - 1] == '/' ? at - 1 : at;
            return read_stanza(text.substr(0, end) + "/>");
        }
    }
    return std::nullopt;
}

bool is_answer(const xml::Element& head) {
    const std::string_view type = head.attr_or("type", "");
    return type == "result" || type == "error";
}

}   // namespace

std::shared_ptr<Directory> Directory::make(
    Core& core, Links& links, const Member& self, Log& log, DirectorySettings settings
) {
    auto made = std::make_shared<Directory>(Private{}, core, links, self, log, settings);
    made->attach();
    return made;
}

Directory::Directory(
    Private, Core& core, Links& links, const Member& self, Log& log, DirectorySettings settings
)
    : core_(core), links_(links), self_(self), log_(log), settings_(settings) {
    core_.number_sessions_from(first_session_of(self.id));
    core_.broker().lead(false);
    core_.sessions().set_complete(false);
    core_.sessions().watch(this);
}

Directory::~Directory() {
    if (!is_stopped_) core_.sessions().watch(nullptr);
}

/// Frames are read on the links' strand, and dealt with on the core strand.
void Directory::attach() {
    const std::weak_ptr<Directory> self = weak_from_this();
    links_.on(Channel::Directory, [self](storage::MemberId from, const std::string& bytes) {
        auto frame = decode_directory(bytes);
        if (const auto me = self.lock())
            me->post([from, frame = std::move(frame)](Directory& directory) mutable {
                const PeerPtr peer = directory.find(from);
                if (!peer || !peer->is_connected) return;
                if (!frame) return directory.refuse(*peer, "a frame that cannot be read");
                directory.hear(from, std::move(*frame));
            });
    });
    links_.on(Channel::Stanza, [self](storage::MemberId from, const std::string& bytes) {
        auto frame = decode_stanza(bytes);
        Arrived arrived;
        if (frame) {
            arrived.frame = std::move(*frame);
            const auto* one = std::get_if<ToSession>(&arrived.frame.content);
            if (!one) {
                arrived.iq = read_stanza(*std::get<ForwardedQuery>(arrived.frame.content).text);
            } else if (one->stanza.kind == StanzaKind::Iq) {
                arrived.head = read_start_tag(*one->stanza.text);
                if (arrived.head && !is_answer(*arrived.head)) arrived.head.reset();
            } else if (one->stanza.is_copied) {
                arrived.head = read_start_tag(*one->stanza.text);
            }
        }
        if (const auto me = self.lock())
            me->post([from, arrived = std::move(arrived)](Directory& directory) mutable {
                directory.take(from, std::move(arrived));
            });
    });
    links_.on_changed([self](const Member& member, bool is_up) {
        if (const auto me = self.lock())
            me->post([member, is_up](Directory& directory) {
                directory.connection_changed(member, is_up);
            });
    });
}

void Directory::post(std::function<void(Directory&)> work) {
    core_.post([self = weak_from_this(), work = std::move(work)] {
        if (const auto me = self.lock(); me && !me->is_stopped_) work(*me);
    });
}

Directory::PeerPtr Directory::find(storage::MemberId member) const {
    const auto found = peers_.find(member);
    return found == peers_.end() ? nullptr : found->second;
}

Directory::PeerPtr Directory::peer_of(const Member& member) {
    PeerPtr& peer = peers_[member.id];
    if (!peer) {
        peer = std::make_shared<Peer>(
            member,
            [this, id = member.id](std::string frame) {
                return links_.send(id, Channel::Stanza, std::move(frame));
            },
            core_.budget_elsewhere(settings_.bytes_max)
        );
        peer->directory = weak_from_this();
        peer->since = std::chrono::steady_clock::now();
    }
    return peer;
}

void Directory::set_members(std::vector<Member> members) {
    post([members = std::move(members)](Directory& directory) mutable {
        directory.members_ = std::move(members);
        directory.look_at_members();
    });
}

void Directory::look_at_members() {
    if (!members_) return;
    const auto is_there = [&](storage::MemberId id) {
        return std::ranges::find(*members_, id, &Member::id) != members_->end();
    };
    for (const Member& member : *members_)
        if (member.id != self_.id) peer_of(member);
    std::vector<PeerPtr> lost;
    for (const auto& [id, peer] : peers_)
        if (!is_there(id) && !peer->is_connected) lost.push_back(peer);
    for (const PeerPtr& peer : lost) lose(peer);
    note_completeness();
}

void Directory::member_lost(storage::MemberId member) {
    post([member](Directory& directory) {
        if (directory.members_)
            std::erase_if(*directory.members_, [&](const Member& one) { return one.id == member; });
        directory.look_at_members();
    });
}

void Directory::lead(bool is_leading) {
    post([is_leading](Directory& directory) {
        directory.is_leading_ = is_leading;
        directory.core_.broker().lead(is_leading);
    });
}

void Directory::stop() {
    if (std::exchange(is_stopped_, true)) return;
    ask_no_more();
    core_.sessions().watch(nullptr);
    for (const auto& [id, peer] : peers_) {
        connection_lost(*peer);
        for (const auto& [number, known] : peer->sessions) core_.leave_elsewhere(known.session);
        // Sessions and their member hold each other.
        peer->sessions.clear();
        peer->outbox.take_all();
    }
    for (const SessionPtr& session : leaving_) core_.leave_elsewhere(session);
    peers_.clear();
    leaving_.clear();
    look_at_waits();
}

void Directory::connection_changed(const Member& member, bool is_up) {
    if (!is_up && !find(member.id)) return;
    const PeerPtr peer = peer_of(member);
    if (peer->is_connected) disconnected(*peer);
    peer->since = std::chrono::steady_clock::now();
    if (!is_up) return look_at_members();
    peer->is_connected = true;
    peer->told.clear();
    peer->changed.clear();
    peer->gone.clear();
    peer->ended.clear();
    peer->questions.clear();
    connected_again(*peer);
    peer->marked = 0;
    peer->listed = 0;
    peer->has_begun = false;
    peer->is_stuck = false;
    if (!peer->is_reachable) reach(peer, true);
    if (!links_.send(member.id, Channel::Directory, encode(Begin{peer->taken})))
        peer->is_stuck = true;   // the connection went again
    note_completeness();
    plan();
}

void Directory::disconnected(Peer& peer) {
    peer.is_connected = peer.is_complete = false;
    peer.outbox.close();
    connection_lost(peer);
    note_completeness();
    for (Wait& wait : waits_)
        std::erase_if(wait.ending, [&](std::uint64_t session) {
            return is_session_of(peer.is.id, session);
        });
    look_at_waits();
}

void Directory::reach(const PeerPtr& peer, bool is_reachable) {
    peer->is_reachable = is_reachable;
    for (const auto& [id, known] : peer->sessions) {
        if (is_reachable)
            connect(peer, known.session);
        else
            core_.reach_elsewhere(known.session, nullptr);
    }
}

void Directory::connect(const PeerPtr& peer, const SessionPtr& session) {
    core_.reach_elsewhere(
        session, std::make_shared<RemoteTransport>(
                     [self = weak_from_this(), to = std::weak_ptr(peer),
                      whom = std::weak_ptr(session)](std::vector<Outgoing> stanzas) {
                         const auto me = self.lock();
                         const auto there = to.lock();
                         const auto addressee = whom.lock();
                         if (me && there && addressee)
                             me->send(there, addressee, std::move(stanzas));
                     }
                 )
    );
}

/// Sessions of that member take no stanzas any more, and those on their way go where they would go
/// without these sessions.
void Directory::give_up(const PeerPtr& peer) {
    reach(peer, false);
    end_asking(peer->is.id);
    std::map<SessionPtr, std::vector<Outgoing>> messages;
    std::vector<ForwardedQuery> queries;
    for (StanzaOutbox::Left& left : peer->outbox.take_all()) {
        if (auto* query = std::get_if<ForwardedQuery>(&left.content))
            queries.push_back(std::move(*query));
        else if (auto& stanza = std::get<Outgoing>(left.content); stanza.is_relayed)
            messages[left.session].push_back(std::move(stanza));
    }
    for (const auto& [session, all] : messages) core_.undelivered(session, all);
    for (const ForwardedQuery& query : queries) core_.unanswered_elsewhere(query);
}

void Directory::lose(const PeerPtr& peer) {
    log_.warn(
        "member_lost",
        {{"member", peer->is.name}, {"sessions", std::to_string(peer->sessions.size())}}
    );
    peers_.erase(peer->is.id);
    return_untaken(*peer);
    give_up(peer);
    for (auto& [id, known] : peer->sessions) leaving_.push_back(std::move(known.session));
    peer->sessions.clear();
    if (is_leading_ && leaving_.empty()) core_.broker().look_for_orphans();
    core_.flush_elsewhere();
    plan();
}

void Directory::note_completeness() {
    const bool knows_all = members_ && std::ranges::all_of(*members_, [&](const Member& member) {
                               const PeerPtr peer =
                                   member.id == self_.id ? nullptr : find(member.id);
                               return member.id == self_.id || (peer && peer->is_complete);
                           });
    if (knows_all == core_.sessions().knows_all()) return;
    log_.info("directory", {{"complete", knows_all ? "yes" : "no"}});
    core_.sessions().set_complete(knows_all);
    // Sessions that were not known before were taken for being there.
    if (knows_all && is_leading_) core_.broker().look_for_orphans();
}

std::vector<Directory::Status> Directory::status() const {
    std::vector<Status> all;
    for (const auto& [id, peer] : peers_)
        all.push_back(
            {id, peer->is.name, peer->is_connected, peer->is_complete, peer->sessions.size(),
             peer->outbox.size()}
        );
    return all;
}

void Directory::on_entered(const Session& session) {
    own_.insert(session.id);
    std::erase_if(gone_later_, [&](const auto& gone) { return gone.second == session.id; });
    std::vector<SessionPtr> same;
    for (const SessionPtr& other : core_.sessions().of_account(session.bare.str()))
        if (other->other_member && other->jid == session.jid) same.push_back(other);
    for (const SessionPtr& other : same) {
        replaced_[session.id].push_back(other->id);
        if (const PeerPtr peer = find(other->other_member->member())) {
            peer->sessions.erase(other->id);
            if (peer->is_connected) ending_[session.id].insert(other->id);
        }
        core_.leave_elsewhere(other);
    }
    on_changed(session);
}

void Directory::on_changed(const Session& session) {
    for (const auto& [id, peer] : peers_)
        if (peer->is_connected) peer->changed.insert(session.id);
    if (settings_.waits_until_told) untold_.insert(session.id);
    plan();
}

void Directory::on_ended(const EndOfSession& end) {
    for (const auto& [id, peer] : peers_)
        if (peer->is_connected && peer->ended.size() < ended_most) peer->ended.push_back(end);
    plan();
}

bool Directory::is_untold(const Session& session) const {
    return untold_.contains(session.id) || ending_.contains(session.id) ||
           std::ranges::find(waits_, session.id, &Wait::session) != waits_.end();
}

void Directory::when_told(const Session& session, std::function<void()> done) {
    Wait wait{session.id, 0, {}, std::chrono::steady_clock::now() + settings_.told_within, {}};
    if (settings_.waits_until_told) wait.mark = ++last_mark_;
    untold_.erase(session.id);
    if (auto ending = ending_.extract(session.id)) wait.ending = std::move(ending.mapped());
    wait.done = std::move(done);
    waits_.push_back(std::move(wait));
    plan();
    // Never within the call: its caller is in the middle of something.
    post([](Directory& directory) { directory.look_at_waits(); });
}

void Directory::look_at_waits() {
    if (waits_.empty()) return;
    const auto time = std::chrono::steady_clock::now();
    std::uint64_t seen = ~std::uint64_t{0};
    for (const auto& [id, peer] : peers_)
        if (peer->is_connected) seen = std::min(seen, peer->seen);
    std::vector<std::function<void()>> over;
    std::set<std::uint64_t> held;   // of one session the earlier goes first
    std::erase_if(waits_, [&](Wait& wait) {
        const bool is_over =
            is_stopped_ || wait.until <= time || (wait.mark <= seen && wait.ending.empty());
        if (!is_over || held.contains(wait.session)) {
            held.insert(wait.session);
            return false;
        }
        over.push_back(std::move(wait.done));
        return true;
    });
    for (const auto& done : over) done();
}

/// The session that has the address now names this one, by which the others hear of its end: no
/// member sees the address without a session in between.
bool Directory::is_named_by_successor(const Session& session) {
    const SessionPtr successor = core_.sessions().find(session.jid);
    if (!successor || successor->id == session.id) return false;
    if (!successor->other_member) {
        replaced_[successor->id].push_back(session.id);
        return true;
    }
    const PeerPtr peer = find(successor->other_member->member());
    if (!peer || !peer->sessions.contains(successor->id)) return false;
    const auto& named = peer->sessions[successor->id].replaced;
    return std::ranges::find(named, session.id) != named.end();
}

void Directory::on_left(const Session& session) {
    const bool is_named = is_named_by_successor(session);
    if (is_named) tell_gone_later(session.id);
    own_.erase(session.id);
    replaced_.erase(session.id);
    std::erase_if(giving_, [&](const auto& one) { return one.second.session == session.id; });
    untold_.erase(session.id);
    ending_.erase(session.id);
    for (const auto& [id, peer] : peers_) {
        peer->changed.erase(session.id);
        peer->told.erase(session.id);
        if (peer->is_connected && !is_named) peer->gone.push_back(session.id);
    }
    plan();
}

void Directory::on_tick(TimePoint now) {
    std::vector<PeerPtr> overdue;
    for (const auto& [id, peer] : peers_) {
        peer->is_stuck = false;
        peer->outbox.go_on();
        if (!peer->is_connected && peer->is_reachable && now - peer->since > settings_.patience)
            overdue.push_back(peer);
    }
    for (const PeerPtr& peer : overdue) give_up(peer);
    look_at_placing(now);
    look_at_asking(now);
    look_at_moving(now);
    look_at_waits();
    if (now >= heard_told_ + settings_.heard_every) {
        heard_told_ = now;
        tell_heard();
    }
    plan();
}

}   // namespace grid::server::cluster
