// controller/requests/slot_requests.cpp: service discovery of files, and slots (XEP-0363).
#include <algorithm>
#include <charconv>

#include "controller/audit/record.hpp"
#include "controller/bulk/offers.hpp"
#include "controller/credentials/credentials.hpp"
#include "controller/requests/file_requests.hpp"
#include "storage/chain.hpp"
#include "storage/keys.hpp"
#include "xml/base64.hpp"
#include "xml/datetime.hpp"
#include "xml/file_name.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::requests {

using bulk::Files;

namespace {

constexpr std::size_t name_bytes_max = 255, media_type_bytes_max = 127;
constexpr std::size_t readers_max = 64;
constexpr std::size_t sha256_bytes = 32;
constexpr const char* any_type = "application/octet-stream";

/// A request for a slot, as far as it can be read without state.
struct SlotRequest {
    File file;   // without id, owner and times
};

/// RFC 9110 §8.3.1, and nothing that ends a header.
bool is_media_type(std::string_view text) {
    const auto slash = text.find('/');
    return text.size() <= media_type_bytes_max && slash != std::string_view::npos && slash > 0 &&
           slash + 1 < text.size() &&
           std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 127; });
}

Result<std::string, xml::StanzaError> read_hash(const xml::Element& payload) {
    std::string hash;
    for (const xml::Element* child : payload.children()) {
        if (!child->is("hash", hashes_ns)) continue;
        if (child->attr_or("algo", "") != "sha-256") continue;   // others are not checked
        const auto bytes = xml::parse_base64(child->text());
        if (!bytes || bytes->size() != sha256_bytes || !hash.empty())
            return xml::bad_request("one <hash algo='sha-256'/> with the base64 of 32 bytes");
        hash = storage::to_hex(*bytes);
    }
    return {boost::system::in_place_value, std::move(hash)};
}

Result<std::vector<std::string>, xml::StanzaError> read_readers(const xml::Element& payload) {
    std::vector<std::string> readers;
    const xml::Element* list = payload.child("readers", xml::ns::xgrid);
    if (list == nullptr) return readers;
    for (const xml::Element* one : list->children("reader")) {
        const auto jid = xml::Jid::parse(one->attr_or("jid", ""), true);
        if (!jid || !jid->is_bare() || jid->local().empty())
            return xml::jid_malformed("each <reader jid=''/> has the bare address of an account");
        readers.push_back(jid->str());
    }
    std::ranges::sort(readers);
    readers.erase(std::ranges::unique(readers).begin(), readers.end());
    if (readers.empty() || readers.size() > readers_max)
        return xml::bad_request("<readers/> has 1 to 64 of <reader jid=''/>");
    return readers;
}

Result<SlotRequest, xml::StanzaError> read_slot(const xml::Element& payload) {
    SlotRequest request;
    File& file = request.file;
    file.name = payload.attr_or("filename", "");
    if (file.name.empty() || file.name.size() > name_bytes_max || !xml::is_file_name(file.name))
        return xml::bad_request(
            "filename has 1 to 255 bytes of UTF-8 without control characters, also of direction"
        );
    if (file.name == "." || file.name == "..")   // RFC 3986 §5.2.4: a client would leave it out
        return xml::bad_request("filename is no name of a folder");
    const std::string_view size = payload.attr_or("size", "");
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
    if (error != std::errc() || end != size.data() + size.size() || file.size == 0)
        return xml::bad_request("size is the file's size in bytes, 1 or more");
    const std::string_view type = payload.attr_or("content-type", "");
    file.media_type = is_media_type(type) ? type : std::string_view(any_type);
    auto hash = read_hash(payload);
    if (!hash) return hash.error();
    file.hash = std::move(*hash);
    auto readers = read_readers(payload);
    if (!readers) return readers.error();
    file.readers = std::move(*readers);
    return request;
}

xml::StanzaError too_large(std::uint64_t most) {
    xml::StanzaError error;
    error.type = "modify";
    error.condition = "not-acceptable";
    error.text = "a file has at most " + std::to_string(most) + " bytes (files.file_bytes_max)";
    error.application = xml::Element("file-too-large", upload_ns);
    error.application->add(xml::Element::with_text("max-file-size", std::to_string(most)));
    return error;
}

/// §4: with the time at which room is made, where one is known.
xml::StanzaError no_room(std::string text, std::optional<storage::Millis> until) {
    xml::StanzaError error = xml::resource_constraint(std::move(text));
    if (until)
        error.application = xml::Element("retry", upload_ns, {{"stamp", xml::to_datetime(*until)}});
    return error;
}

std::optional<xml::StanzaError> refuse_for_room(
    const State& state, const File& file, std::string_view account
) {
    const FileSettings& bounds = state.settings.files;
    if (file.size > bounds.file_bytes_max) return too_large(bounds.file_bytes_max);
    const Files::Usage mine = state.files.usage(account), all = state.files.usage();
    const auto full = [&](const char* key, std::string_view of) {
        return no_room(
            std::string("there is no room for another file (") + key + "): " +
                (of.empty() ? "files of others have to go first" : "remove one of yours first"),
            state.files.next_expiry(of)
        );
    };
    const auto is_over = [&](std::uint64_t bytes, std::uint64_t most) {
        return file.size > most || bytes > most - file.size;
    };
    if (mine.files >= bounds.files_max) return full("files.files_max", account);
    if (is_over(mine.bytes, bounds.bytes_max)) return full("files.bytes_max", account);
    if (all.files >= bounds.total_files_max) return full("files.total_files_max", {});
    if (is_over(all.bytes, bounds.total_bytes_max)) return full("files.total_bytes_max", {});
    return std::nullopt;
}

/// Requests of one moment must not pass a bound together: one that has another's guard, and was
/// decided upon the same memory, is decided again. Accounts share a fixed number of guards, so that
/// none has to be removed with its account.
void meet(const State& state, std::string_view guard, storage::Batch& batch) {
    std::string key(1, static_cast<char>(storage::Tag::Settings));
    key.append("files/").append(guard);
    batch.expect(storage::Family::Control, key, state.settings_revision(key));
    batch.put(storage::Family::Control, std::move(key), "");
}

void expect_room(
    const State& state, const File& file, std::string_view account, storage::Batch& batch
) {
    constexpr std::size_t guard_digits = 2;
    constexpr std::uint64_t slack = 256;   // slots that may be asked for at one moment
    const FileSettings& bounds = state.settings.files;
    const Files::Usage& all = state.files.usage();
    meet(state, digest_in_hex(account).substr(0, guard_digits), batch);
    if (all.files + slack >= bounds.total_files_max ||
        (bounds.total_bytes_max - all.bytes) / slack <= file.size)
        meet(state, "all", batch);
}

pubsub::Decision give_slot(
    const State& state, const SlotRequest& request, const pubsub::Context& context
) {
    const std::string account(context.actor.jid.bare_view());
    if (auto failure = state.entitled(context.actor)) return to_plain_error(*failure);
    const policy::Match match = may_upload(state, *state.account_of(context.actor));
    if (!match.allowed) {
        state.note(context.actor, "bulk-offer", {}, match);
        return xml::forbidden("the policy lets this account send bulk data to no other");
    }
    if (auto refused = refuse_for_room(state, request.file, account)) return *refused;
    File file = request.file;
    file.id = digest_in_hex("file " + context.fresh_id).substr(0, bulk::file_id_bytes);
    file.owner = account;
    file.created = context.now;
    file.expires = context.now + state.settings.files.slot_ms;
    pubsub::Decision::Change change;
    state.expect_gates(change.batch, context.actor);
    expect_room(state, file, account, change.batch);
    change.batch.expect(storage::Family::Control, bulk::file_key(file.id), 0);
    change.batch.put(storage::Family::Control, bulk::file_key(file.id), encode(file));
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, "bulk-offer");
    record.target = state.settings.bulk_address.str();
    record.rule = *match.rule;
    record.detail = file.name + ", " + std::to_string(file.size) + " bytes";
    audit::append(change.batch, record);
    const std::string url = bulk::url_of(file, state.settings.files.url);
    xml::Element slot("slot", upload_ns);
    slot.add(xml::Element("put", {{"url", url}})).add(xml::Element("get", {{"url", url}}));
    change.reply = std::move(slot);
    return change;
}

xml::Element describe(const State& state) {
    xml::Element query("query", xml::ns::disco_info);
    query.add(xml::Element("identity", {{"category", "store"}, {"type", "file"}, {"name", "Files"}})
    );
    for (const xml::Ns* feature :
         {&xml::ns::disco_info, &xml::ns::disco_items, &xml::ns::ping, &upload_ns, &bulk::in_band_ns
         })
        query.add(xml::Element("feature", {{"var", std::string(feature->uri())}}));
    xml::Form form;
    form.type = "result";
    form.set_form_type(upload_ns.uri());
    form.add("max-file-size", "text-single", std::to_string(state.settings.files.file_bytes_max));
    query.add(form.to_element());
    return query;
}

pubsub::PreparedRequest answer_with(std::function<pubsub::Reply()> make) {
    pubsub::PreparedRequest prepared;
    prepared.decide = [make = std::move(make)](const pubsub::Context&) {
        return pubsub::Decision(make());
    };
    return prepared;
}

}   // namespace

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_files(
    const State& state, const pubsub::IqRequest& request
) {
    const xml::Element& payload = *request.payload;
    if (request.type == xml::IqType::Get && payload.ns() == xml::ns::ping)
        return answer_with([] { return pubsub::Reply{}; });
    const bool is_info = payload.is("query", xml::ns::disco_info);
    if (is_info || payload.is("query", xml::ns::disco_items)) {
        if (payload.attr("node") != nullptr) return xml::item_not_found("there are no nodes here");
        if (!is_info)
            return answer_with([] {
                return pubsub::Reply(xml::Element("query", xml::ns::disco_items));
            });
        return answer_with([&state] { return pubsub::Reply(describe(state)); });
    }
    if (payload.ns() != upload_ns) return std::nullopt;
    if (request.type != xml::IqType::Get || payload.name() != "request")
        return xml::bad_request("an iq get with <request/> (XEP-0363 §4)");
    auto slot = read_slot(payload);
    if (!slot) return slot.error();
    pubsub::PreparedRequest prepared;
    prepared.decide = [&state, slot = std::move(*slot)](const pubsub::Context& context) {
        return give_slot(state, slot, context);
    };
    return prepared;
}

}   // namespace grid::controller::requests
