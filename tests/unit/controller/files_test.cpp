// tests/unit/controller/files_test.cpp: slots and files: who may ask for one, fill, read and remove
// it, and when it goes.
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/requests/file_requests.hpp"
#include "storage/keys.hpp"

namespace files_test {

using namespace grid::controller;
using grid::test::GridStage;
using grid::xml::Element;
using grid::xml::Jid;
namespace pubsub = grid::pubsub;
namespace requests = grid::controller::requests;
using requests::FileClient;
using requests::FileQuestion;
using requests::FileWish;

namespace {

const std::string ann = "ann@grid.example", bob = "bob@grid.example", eve = "eve@grid.example";
const std::string hash(64, 'c');
constexpr grid::storage::Millis minute = 60'000;

Settings with_files() {
    Settings settings = GridStage::default_settings();
    settings.bulk_address = *Jid::parse("bulk.grid.example");
    settings.files.url = "https://grid.example:8443";
    settings.files.file_bytes_max = 1'000;
    settings.files.files_max = 3;
    settings.files.bytes_max = 2'000;
    settings.files.total_bytes_max = 2'500;
    settings.files.slot_ms = 10 * minute;
    settings.files.keep_ms = 100 * minute;
    return settings;
}

struct FileStage : GridStage {
    FileStage() : GridStage(with_files()) {
        policy("allow client ann, carl to bulk client bob\nallow group administrators to bulk any\n"
        );
        for (const char* jid :
             {"ann@grid.example/1", "bob@grid.example/1", "eve@grid.example/1",
              "carl@grid.example/1"})
            member(jid, "[]");
    }
    const State& state() { return controller().state_for_admin(); }

    /// The condition of the error, or the slot's URL.
    std::string slot(
        const std::string& bare, const std::string& attributes, const std::string& inside = {}
    ) {
        const Element iq = grid::test::parse(
            "<iq xmlns='jabber:client' id='1' type='get' to='bulk.grid.example'>"
            "<request xmlns='urn:xmpp:http:upload:0' " +
            attributes + ">" + inside + "</request></iq>"
        );
        auto prepared = controller().prepare_files(
            {grid::xml::IqType::Get, settings.bulk_address, iq.first_child(), {&iq}}
        );
        REQUIRE(prepared.has_value());
        if (!*prepared) return prepared->error().condition;
        auto decision = (*prepared)->decide(context(principal(bare + "/1")));
        error = decision.error() ? std::optional(*decision.error()) : std::nullopt;
        if (error) return error->condition;
        REQUIRE(decision.change() != nullptr);
        REQUIRE(commit(std::move(decision.change()->batch)));
        return *decision.change()->reply.payload->child("put")->attr("url");
    }
    std::string slot_of(std::size_t bytes) {
        return slot(ann, "filename='a b.txt' size='" + std::to_string(bytes) + "'");
    }
    static std::string id_of(const std::string& url) {
        const std::string before = "https://grid.example:8443/bulk/";
        REQUIRE(url.starts_with(before));
        return url.substr(before.size(), 32);
    }

    FileQuestion question(FileWish wish, const std::string& id, const std::string& bare) {
        FileQuestion asked{wish, id, {}, {}};
        FileClient client;
        client.identity = identity(bare);
        client.principal = principal(bare + "/1");
        client.principal.jid = *Jid::parse(bare);
        client.principal.origin = pubsub::Origin::Http;
        asked.clients.push_back(client);
        return asked;
    }
    /// The status of the refusal, or 0.
    unsigned commit_change(requests::FileDecision decision) {
        if (decision.error()) return decision.error()->status;
        if (decision.change()) REQUIRE(commit(std::move(decision.change()->batch)));
        return 0;
    }
    unsigned asks(FileWish wish, const std::string& id, const std::string& bare) {
        return commit_change(
            requests::ask_file(state(), question(wish, id, bare), context(principal(bare + "/1")))
        );
    }
    unsigned completes(const std::string& id, const std::string& bare = ann) {
        return commit_change(requests::complete_file(
            state(), question(FileWish::Write, id, bare), hash, context(principal(bare + "/1"))
        ));
    }
    unsigned removes(const std::string& id, const std::string& bare) {
        return commit_change(requests::remove_file(
            state(), question(FileWish::Remove, id, bare), context(principal(bare + "/1"))
        ));
    }
    std::string file(const std::string& inside = {}) {
        const std::string id = id_of(slot(ann, "filename='f' size='10'", inside));
        REQUIRE(completes(id) == 0);
        return id;
    }

    std::optional<grid::xml::StanzaError> error;
};

}   // namespace

TEST_CASE("a slot is for an account that may send bulk data to another", "[files]") {
    FileStage stage;
    CHECK(stage.slot(eve, "filename='f' size='10'") == "forbidden");
    const std::string url = stage.slot(ann, "filename='a/b c' size='10' content-type='text/plain'");
    CHECK(url.ends_with("/a%2Fb%20c"));
    const bulk::File* file = stage.state().files.find(FileStage::id_of(url));
    REQUIRE(file != nullptr);
    CHECK(file->owner == ann);
    CHECK(file->media_type == "text/plain");
    CHECK_FALSE(file->is_complete);
    CHECK(bulk::decode_file(file->id, bulk::encode(*file)).has_value());
    CHECK(stage.slot(ann, "filename='f' size='1001'") == "not-acceptable");
    CHECK(stage.error->application->child("max-file-size")->text() == "1000");
    for (const char* bad :
         {"filename='f'", "size='10'", "filename='f' size='0'", "filename='f' size='-1'",
          "filename='f' size='1 '", "filename='' size='1'",
          "filename='f' size='18446744073709551616'"})
        CHECK(stage.slot(ann, bad) == "bad-request");
    const std::string strange =
        stage.slot(ann, "filename='f' size='1' content-type='text/html&#xD;&#xA;x: y'");
    CHECK(
        stage.state().files.find(FileStage::id_of(strange))->media_type ==
        "application/octet-stream"
    );
}

TEST_CASE("quotas of files say when there is room again", "[files]") {
    FileStage stage;
    CHECK(stage.slot_of(1000).starts_with("https"));
    CHECK(stage.slot_of(900).starts_with("https"));
    CHECK(stage.slot_of(101) == "resource-constraint");   // files.bytes_max
    CHECK(stage.error->application->name() == "retry");
    CHECK(stage.slot_of(100).starts_with("https"));
    CHECK(stage.slot_of(1) == "resource-constraint");   // files.files_max
    CHECK(stage.error->text.find("files.files_max") != std::string::npos);
    CHECK(stage.state().files.usage(ann) == bulk::Files::Usage{3, 2000});
    CHECK(stage.slot("carl@grid.example", "filename='f' size='600'") == "resource-constraint");
    CHECK(stage.error->text.find("files.total_bytes_max") != std::string::npos);
    stage.later(11 * minute);
    CHECK(stage.state().files.usage() == bulk::Files::Usage{});
    CHECK(stage.slot_of(1000).starts_with("https"));
}

TEST_CASE("a slot is filled by its owner, once, and in time", "[files]") {
    FileStage stage;
    const std::string id = FileStage::id_of(stage.slot_of(10));
    CHECK(stage.asks(FileWish::Write, id, bob) == 404);
    CHECK(stage.asks(FileWish::Read, id, bob) == 404);
    CHECK(stage.completes(id, bob) == 404);
    CHECK(stage.asks(FileWish::Write, id, ann) == 0);
    stage.later(6 * minute);
    CHECK(stage.asks(FileWish::Write, id, ann) == 0);   // the slot's time begins anew
    stage.later(6 * minute);
    CHECK(stage.asks(FileWish::Write, id, ann) == 0);
    CHECK(stage.completes(id) == 0);
    CHECK(stage.completes(id) == 409);
    CHECK(stage.asks(FileWish::Write, id, ann) == 409);
    CHECK(stage.state().files.find(id)->hash == hash);
    stage.later(99 * minute);
    CHECK(stage.asks(FileWish::Read, id, bob) == 0);
    stage.later(2 * minute);
    CHECK(stage.asks(FileWish::Read, id, bob) == 404);
    CHECK(stage.state().files.find(id) == nullptr);
    const std::string late = FileStage::id_of(stage.slot_of(10));
    stage.later(11 * minute);
    CHECK(stage.asks(FileWish::Write, late, ann) == 404);
    CHECK(stage.completes(late) == 404);
}

TEST_CASE("a hash that was announced is the file's", "[files]") {
    FileStage stage;
    const std::string other =
        "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</hash>";
    const std::string id = FileStage::id_of(stage.slot(ann, "filename='f' size='10'", other));
    CHECK(stage.completes(id) == 422);
    CHECK_FALSE(stage.state().files.find(id)->is_complete);
    CHECK(
        stage.slot(
            ann, "filename='f' size='10'",
            "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AA==</hash>"
        ) == "bad-request"
    );
}

TEST_CASE("files are read by those that the policy and the owner let", "[files]") {
    FileStage stage;
    const std::string open = stage.file();
    CHECK(stage.asks(FileWish::Read, open, ann) == 0);
    CHECK(stage.asks(FileWish::Read, open, bob) == 0);
    CHECK(stage.asks(FileWish::Read, open, eve) == 404);
    CHECK(stage.asks(FileWish::Remove, open, bob) == 404);
    const std::string named =
        stage.file("<readers xmlns='xgrid'><reader jid='eve@grid.example'/></readers>");
    CHECK(stage.asks(FileWish::Read, named, bob) == 404);
    CHECK(stage.asks(FileWish::Read, named, eve) == 403);   // named by the owner
    FileQuestion other_name = stage.question(FileWish::Read, open, bob);
    other_name.name = "g";
    CHECK(
        stage.commit_change(requests::ask_file(stage.state(), other_name, stage.context({}))) == 404
    );
    other_name.name = "f";
    CHECK(
        stage.commit_change(requests::ask_file(stage.state(), other_name, stage.context({}))) == 0
    );
    CHECK(requests::right_to_file(stage.state(), other_name, 0).allowed);

    REQUIRE(
        stage.rest("admin@grid.example", "POST", "/accounts/ann@grid.example/disable").first >= 400
    );
    stage.administrator("root@grid.example");
    REQUIRE(stage.connects("root@grid.example/1"));
    REQUIRE(
        stage.rest("root@grid.example", "POST", "/accounts/ann@grid.example/disable").first == 200
    );
    CHECK(stage.asks(FileWish::Read, open, bob) == 404);   // of an owner that is disabled
    CHECK(stage.asks(FileWish::Read, open, ann) == 403);
    CHECK_FALSE(requests::right_to_file(stage.state(), other_name, 0).allowed);
}

TEST_CASE("a file goes when its owner, an administrator or its account does", "[files]") {
    FileStage stage;
    const std::string mine = stage.file(), other = stage.file(), left = stage.file();
    CHECK(stage.removes(mine, bob) == 404);
    CHECK(stage.removes(mine, ann) == 0);
    CHECK(stage.state().files.find(mine) == nullptr);
    stage.administrator("root@grid.example");
    REQUIRE(stage.connects("root@grid.example/1"));
    CHECK(stage.rest("root@grid.example", "DELETE", "/files/" + other).first == 200);
    CHECK(stage.rest("root@grid.example", "DELETE", "/files/" + other).first == 404);
    CHECK(stage.state().files.find(other) == nullptr);
    REQUIRE(stage.rest("root@grid.example", "DELETE", "/accounts/ann@grid.example").first == 200);
    stage.later(1);
    CHECK(stage.state().files.find(left) == nullptr);
    bulk::File gone;
    gone.id = left;
    CHECK(bulk::decode_removed(bulk::Files::erase(gone).event) == left);
    CHECK_FALSE(bulk::decode_removed("A" + left));
}

TEST_CASE("the batch that makes a slot a file says so to other members", "[files]") {
    FileStage stage;
    const std::string id = stage.file(),
                      slot = FileStage::id_of(stage.slot(ann, "filename='f' size='10'"));
    auto decision = requests::complete_file(
        stage.state(), stage.question(FileWish::Write, slot, ann), hash,
        stage.context(stage.principal(ann + "/1"))
    );
    const auto* change = decision.change();
    REQUIRE(change != nullptr);
    CHECK(bulk::decode_completed(change->batch.event) == slot);
    // Neither is taken for the other, by members of an earlier version either.
    CHECK_FALSE(bulk::decode_removed(change->batch.event));
    CHECK_FALSE(bulk::decode_completed(bulk::encode_removed(id)));
}

}   // namespace files_test
