// server/backup/manifest.cpp: see server/backup/manifest.hpp.
#include "server/backup/manifest.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>
#include <set>

#include "server/pki/failure.hpp"
#include "storage/chain.hpp"
#include "storage/schema.hpp"
#include "xml/datetime.hpp"

namespace grid::server::backup {

namespace json = boost::json;

namespace {

constexpr std::array folders{"store/", "files/", "crl/"};
constexpr std::array single_files{"administrators", "audit-export.position"};
constexpr std::size_t name_bytes_max = 200;

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= name_bytes_max && name.front() != '.' &&
           std::ranges::all_of(name, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '-' || c == '_';
           });
}

bool is_hash(std::string_view text) {
    const auto bytes = storage::from_hex(text);
    return bytes && bytes->size() == storage::Hash().size();
}

json::object store_json(const storage::CheckpointFacts& store) {
    return {
        {"id", store.store_id},
        {"schema", store.schema},
        {"epoch", store.epoch},
        {"revision", store.revision},
        {"time", xml::to_datetime(store.time)},
        {"audit",
         json::object{
             {"number", store.audit.number},
             {"bytes", store.audit.bytes},
             {"hash", storage::to_hex(storage::view(store.audit.hash))}
         }}
    };
}

/// Members of an object; the first that is missing or of another kind is remembered.
class Members {
public:
    explicit Members(const json::value* value)
        : object_(value == nullptr ? nullptr : value->if_object()) {
        if (object_ == nullptr) is_good_ = false;
    }
    const json::value* any(const char* name) {
        const json::value* found = object_ == nullptr ? nullptr : object_->if_contains(name);
        if (found == nullptr) is_good_ = false;
        return found;
    }
    std::string text(const char* name) {
        const json::value* found = any(name);
        if (found != nullptr && found->is_string()) return std::string(found->get_string());
        is_good_ = false;
        return {};
    }
    std::uint64_t number(const char* name) {
        const json::value* found = any(name);
        json::error_code error;
        const auto number = found == nullptr ? 0 : found->to_number<std::uint64_t>(error);
        if (error) is_good_ = false;
        return number;
    }
    storage::Millis time(const char* name) {
        const auto time = xml::parse_datetime(text(name));
        if (!time) is_good_ = false;
        return time.value_or(0);
    }
    bool flag(const char* name) {
        const json::value* found = any(name);
        if (found != nullptr && found->is_bool()) return found->get_bool();
        is_good_ = false;
        return false;
    }
    bool is_good() const { return is_good_; }

private:
    const json::object* object_;
    bool is_good_ = true;
};

bool read_store(const json::value* value, storage::CheckpointFacts& store) {
    Members members(value);
    store.store_id = members.text("id");
    const std::uint64_t schema = members.number("schema");
    store.schema = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(schema, std::numeric_limits<std::uint32_t>::max())
    );
    store.epoch = members.number("epoch");
    store.revision = members.number("revision");
    store.time = members.time("time");
    Members audit(members.any("audit"));
    store.audit.number = audit.number("number");
    store.audit.bytes = audit.number("bytes");
    const auto hash = storage::from_hex(audit.text("hash"));
    if (!hash || hash->size() != store.audit.hash.size()) return false;
    std::ranges::copy(*hash, store.audit.hash.begin());
    return members.is_good() && audit.is_good();
}

/// Empty: they are good.
std::string read_files(const json::value* value, std::vector<Entry>& files) {
    const json::array* list = value == nullptr ? nullptr : value->if_array();
    if (list == nullptr) return "it has no list of files";
    std::set<std::string> seen;
    for (const json::value& one : *list) {
        Members members(&one);
        Entry entry{members.text("path"), members.number("bytes"), members.text("sha256")};
        if (!members.is_good() || !is_hash(entry.hash)) return "an entry of a file is incomplete";
        if (!is_backup_path(entry.path))
            return "'" + entry.path + "' is no file of a data directory";
        if (!seen.insert(entry.path).second) return "'" + entry.path + "' is named twice";
        files.push_back(std::move(entry));
    }
    return seen.contains("store/CURRENT") ? "" : "it has no store";
}

}   // namespace

std::uint64_t Manifest::bytes() const {
    std::uint64_t sum = 0;
    for (const Entry& entry : files) sum += entry.bytes;
    return sum;
}

std::string to_json(const Manifest& manifest) {
    json::array files;
    for (const Entry& entry : manifest.files)
        files.push_back(
            json::object{{"path", entry.path}, {"bytes", entry.bytes}, {"sha256", entry.hash}}
        );
    return json::serialize(json::object{
               {"format", manifest_format},
               {"name", manifest.name},
               {"domain", manifest.domain},
               {"gridd", manifest.version},
               {"evaluation", manifest.is_evaluation},
               {"time", xml::to_datetime(manifest.time)},
               {"store", store_json(manifest.store)},
               {"files", std::move(files)}
           }) +
           "\n";
}

Result<Manifest, std::string> parse_manifest(std::string_view text) {
    json::error_code malformed;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), malformed);
    if (malformed) return pki::Failure{"is no JSON: " + malformed.message()};
    Members members(&value);
    Manifest manifest;
    const std::uint64_t format = members.number("format");
    manifest.version = members.text("gridd");
    if (format > manifest_format)
        return pki::Failure{
            "is of a newer gridd (" + manifest.version + "): restore it with that one"
        };
    manifest.name = members.text("name");
    manifest.domain = members.text("domain");
    manifest.is_evaluation = members.flag("evaluation");
    manifest.time = members.time("time");
    if (!members.is_good() || format == 0) return pki::Failure{"is not complete"};
    if (!is_backup_name(manifest.name)) return pki::Failure{"has no name of a backup"};
    if (!read_store(members.any("store"), manifest.store))
        return pki::Failure{"does not say which store it holds"};
    if (manifest.store.schema > storage::schema_version)
        return pki::Failure{
            "holds a store of a newer gridd (" + manifest.version + "): restore it with that one"
        };
    if (std::string wrong = read_files(members.any("files"), manifest.files); !wrong.empty())
        return pki::Failure{"cannot be used: " + wrong};
    return manifest;
}

bool is_backup_path(std::string_view path) {
    if (std::ranges::any_of(single_files, [&](std::string_view file) { return file == path; }))
        return true;
    return std::ranges::any_of(folders, [&](std::string_view folder) {
        return path.starts_with(folder) && is_plain_name(path.substr(folder.size()));
    });
}

bool is_backup_name(std::string_view name) {
    return name.size() >= 16 && name.size() <= 20 && std::ranges::all_of(name, [](char c) {
               return (c >= '0' && c <= '9') || c == 'T' || c == 'Z' || c == '-';
           });
}

std::string backup_name(storage::Millis time) {
    std::string name;   // 2026-11-29T15:00:00Z, or with parts of a second
    for (const char c : xml::to_datetime(time)) {
        if (c == '.' || c == 'Z') break;
        if (c != '-' && c != ':') name += c;
    }
    return name + "Z";
}

}   // namespace grid::server::backup
