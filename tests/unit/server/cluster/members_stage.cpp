// tests/unit/server/cluster/members_stage.cpp: see members_stage.hpp.
#include "members_stage.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "controller/contacts/exchange.hpp"
#include "server/clock.hpp"
#include "server/services/services.hpp"
#include "xml/parser.hpp"

namespace grid::test {

namespace asio = boost::asio;
namespace cluster = server::cluster;
namespace contacts = controller::contacts;

namespace {

constexpr const char* members_policy =
    "allow group administrators to message any\nallow any to bulk any\nallow any any any\n";
constexpr std::array member_accounts{
    "alice@grid.example", "bob@grid.example", "carol@grid.example", "dave@grid.example"
};

server::Config members_config() {
    server::Config config;
    config.domain = "grid.example";
    config.accounts.auto_approve = true;
    config.metrics.probe_seconds = 0;
    return config;
}

server::LogSettings members_log() {
    server::LogSettings settings;
    settings.level = "error";
    return settings;
}

controller::IdentityPtr member_identity(const std::string& account, const std::string& key = {}) {
    controller::Identity identity;
    identity.key = key;
    identity.account = xml::Jid::parse(account).value();
    identity.anchor = "anchor";
    identity.fingerprint = "f-" + account;
    identity.valid_until = identity.not_after = 4'000'000'000'000;
    return std::make_shared<const controller::Identity>(std::move(identity));
}

xml::Element parse_stanza(const std::string& text) {
    xml::Limits limits;
    limits.stanza_bytes_max = 64UL * 1024 * 1024;
    auto parsed = xml::parse_document("<x xmlns='jabber:client'>" + text + "</x>", limits);
    REQUIRE(std::holds_alternative<xml::Element>(parsed));
    return std::get<xml::Element>(parsed).mutable_nodes().at(0);
}

}   // namespace

void ReadTransport::send(std::vector<server::Outgoing> sent, std::size_t bytes) {
    const auto whose = session.lock();
    for (const server::Outgoing& one : sent) {
        std::string text = *one.text;
        if (one.to != server::Address::None) {
            std::string head = "<message";
            xml::append_attr(head, "to", whose->address(one.to).str());
            text = head + text;
        }
        stanzas.push_back(std::move(text));
    }
    if (whose && whose->budget) whose->budget->give(bytes);
}

std::string Guest::hears_all() const {
    std::string all;
    for (const std::string& one : hears()) all += one + "\n";
    return all;
}

MembersStage::MembersStage(std::size_t members, cluster::DirectorySettings settings)
    : config(members_config()),
      log_(members_log()),
      addresses_(config),
      server_iqs_(server::services::of_server(addresses_, {})),
      account_iqs_(server::services::of_account({})) {
    std::vector<xml::Jid> accounts;
    for (const char* account : member_accounts)
        accounts.push_back(xml::Jid::parse(account).value());
    for (std::size_t i = 0; i < members; ++i) {
        members_.push_back(std::make_unique<One>());
        One& one = *members_.back();
        one.store.set_time(server::now());
        one.self.id = 0x1000 + i;
        one.self.name = "m" + std::to_string(i);
        one.links = std::make_unique<MemoryLinks>(board, one.self);
        one.core = std::make_unique<server::Core>(
            context, one.store, config, addresses_, server_iqs_, account_iqs_, log_
        );
        one.directory = cluster::Directory::make(*one.core, *one.links, one.self, log_, settings);
        REQUIRE(one.core->start(context, members_policy, accounts).has_value());
        context.restart();
        for (const char* account : member_accounts) {
            one.core->admit(member_identity(account), "192.0.2.1:1", [](const auto& failure) {
                CHECK_FALSE(failure);
            });
            runs();
        }
        for (const auto& [a, b] : {std::pair(0, 1), std::pair(0, 2), std::pair(1, 2)})
            befriend(
                *one.core, member_accounts[static_cast<std::size_t>(a)],
                member_accounts[static_cast<std::size_t>(b)]
            );
    }
}

MembersStage::~MembersStage() {
    for (const auto& one : members_) one->directory->stop();
    std::size_t stopped = 0;
    for (const auto& one : members_) one->core->stop([&] { ++stopped; });
    waits([&] { return stopped == members_.size(); });
    // A client that did not leave: its last request and its session hold each other.
    for (const auto& guest : guests_)
        if (const auto session = guest.lock()) session->queue.reset();
}

void MembersStage::befriend(server::Core& core, const std::string& one, const std::string& other) {
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)})
        for (const auto& [who, whom, kind] :
             {std::tuple(from, to, contacts::Kind::Subscribe),
              std::tuple(to, from, contacts::Kind::Subscribed)}) {
            contacts::Exchange wanted{who, whom, {kind}};
            wanted.exists = wanted.may_send = wanted.may_answer = true;
            auto change = contacts::exchange(core.controller().rosters(), {}, wanted);
            REQUIRE(change.has_value());
            core.commit(std::move(change->batch));
            runs();
        }
}

void MembersStage::joins() {
    for (const auto& one : members_) one->directory->set_members(all());
    for (std::size_t i = 0; i < members_.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) board.connect(id(j), id(i));
    runs();
}

std::vector<cluster::Member> MembersStage::all() const {
    std::vector<cluster::Member> all;
    for (const auto& one : members_) all.push_back(one->self);
    return all;
}

void MembersStage::cuts(std::size_t one, std::size_t other) {
    board.cut(id(one), id(other));
    runs();
}

void MembersStage::connects(std::size_t one, std::size_t other) {
    board.connect(id(one), id(other));
    runs();
}

Guest MembersStage::binds(
    std::size_t member, const std::string& account, const std::string& resource
) {
    Guest guest;
    guest.transport = std::make_shared<ReadTransport>();
    server::BindRequest request;
    request.identity = member_identity(account + "@grid.example");
    request.resource = resource;
    request.address = "192.0.2.1:1";
    request.transport = guest.transport;
    core(member).bind(std::move(request), [&](auto answer) {
        if (const auto* attached = std::get_if<server::Attached>(&answer))
            guest.session = attached->session;
        else
            FAIL(std::get<xml::StanzaError>(answer).text);
    });
    // Where it takes an address over, the other session may be long in going.
    REQUIRE(waits([&] { return guest.session != nullptr; }));
    guest.transport->session = guest.session;
    guests_.push_back(guest.session);
    runs();
    return guest;
}

Guest MembersStage::comes(
    std::size_t member, const std::string& account, const std::string& resource, bool is_heard
) {
    Guest guest = binds(member, account, resource);
    sends(member, guest, "<presence/>");
    if (is_heard) guest.hears();
    return guest;
}

std::shared_ptr<MembersStage::Resumed> MembersStage::asks_to_resume(
    std::size_t member,
    const std::string& account,
    const std::string& token,
    std::uint32_t handled,
    const std::string& key
) {
    auto resumed = std::make_shared<Resumed>();
    resumed->guest.transport = std::make_shared<ReadTransport>();
    server::ResumeRequest request;
    request.identity = member_identity(account + "@grid.example", key);
    request.token = token;
    request.handled = handled;
    request.address = "192.0.2.2:2";
    request.transport = resumed->guest.transport;
    core(member).resume(std::move(request), [this, resumed](server::ResumeAnswer answer) {
        resumed->is_answered = true;
        if (const auto* attached = std::get_if<server::Attached>(&answer)) {
            resumed->guest.session = attached->session;
            resumed->guest.transport->session = attached->session;
            guests_.push_back(attached->session);
        } else if (const auto* failure = std::get_if<server::ResumeFailure>(&answer)) {
            resumed->failure = failure->condition;
            resumed->handled = failure->handled;
        } else {
            resumed->failure = std::get<grid::xml::StreamError>(answer).condition;
        }
    });
    return resumed;
}

/// By more than what others commit of themselves meanwhile.
void MembersStage::get_ahead(std::size_t member) {
    constexpr storage::Revision ahead = 20;
    storage::Revision most = 0;
    for (const auto& one : members_) most = std::max(most, one->store.status().revision);
    storage::MemoryStore& store = members_[member]->store;
    while (store.status().revision < most + ahead) {
        storage::Batch batch;
        batch.put(storage::Family::Control, "Y", {});
        core(member).commit(std::move(batch));
        context.poll();
        context.restart();
    }
}

std::string MembersStage::manages(std::size_t member, const Guest& guest) {
    sends(member, guest, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    REQUIRE(guest.session->management);
    guest.hears();
    return guest.session->management->token;
}

void MembersStage::loses(std::size_t member, const Guest& guest) {
    core(member).detach(guest.session, guest.session->attachment, true, [](auto) {});
    runs();
}

void MembersStage::sends(
    std::size_t member, const Guest& guest, const std::string& stanza, std::function<void()> taken
) {
    sends_at_once(member, guest, {stanza}, std::move(taken));
}

void MembersStage::sends_at_once(
    std::size_t member,
    const Guest& guest,
    const std::vector<std::string>& stanzas,
    std::function<void()> taken
) {
    std::vector<server::Inbound> inbound;
    for (const std::string& stanza : stanzas) {
        auto routed = core(member).router().prepare(*guest.session, parse_stanza(stanza));
        REQUIRE(std::holds_alternative<server::Inbound>(routed));
        inbound.push_back(std::get<server::Inbound>(std::move(routed)));
    }
    core(member).submit(
        guest.session, guest.session->attachment, std::move(inbound), std::move(taken)
    );
    runs();
}

void MembersStage::goes(std::size_t member, const Guest& guest) {
    core(member).detach(guest.session, guest.session->attachment, false, [](auto) {});
    runs();
    core(member).leave(guest.session, guest.session->attachment, "the test", {true, 0, 0});
    runs();
}

void MembersStage::runs() {
    while (context.poll() != 0) {
    }
    context.restart();
}

bool MembersStage::waits(const std::function<bool()>& is_so) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > until) return false;
        context.run_for(std::chrono::milliseconds(5));
        context.restart();
    }
    return true;
}

}   // namespace grid::test
