// tests/unit/controller/audit_files.hpp: a store on disk with audit records, and another hand in
// it.
#pragma once

#include <rocksdb/db.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <future>

#include "controller/audit/cut.hpp"
#include "controller/audit/record.hpp"
#include "controller/audit/verify.hpp"
#include "storage/codec.hpp"
#include "storage/memory_store.hpp"
#include "storage/rocks_store.hpp"
#include "storage/schema.hpp"

namespace grid::test {

using namespace controller;

inline audit::Record record_of(int i) {
    audit::Record record;
    record.outcome = audit::Outcome::Allow;
    record.actor = "probe@grid.example/x";
    record.operation = "publish";
    record.topic = "alerts";
    record.detail = std::to_string(i);
    return record;
}

inline storage::Batch batch_of(int i) {
    storage::Batch batch;
    audit::append(batch, record_of(i));
    return batch;
}

/// Files of a store, which the test changes behind its back.
class Files {
public:
    explicit Files(int records) {
        std::string name = (std::filesystem::temp_directory_path() / "audit-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
        with_store([&](storage::Store& store) {
            for (int i = 1; i <= records; ++i) commit(store, batch_of(i));
        });
    }
    ~Files() { std::filesystem::remove_all(path_); }

    void with_store(const std::function<void(storage::Store&)>& work) {
        auto store = storage::open_rocks_store(settings());
        REQUIRE(store.has_value());
        (*store)->start([this](std::vector<storage::FeedEntry> entries) {
            for (auto& entry : entries)
                done_->set_value(std::holds_alternative<storage::Committed>(entry));
        });
        work(**store);
    }
    bool commit(storage::Store& store, storage::Batch batch) {
        done_.emplace();
        auto future = done_->get_future();
        REQUIRE(store.submit(1, {}, std::move(batch)));
        return future.get();
    }
    audit::Verified verified(const audit::Check& check = {}) {
        const auto snapshot = storage::open_rocks_snapshot(settings());
        REQUIRE(snapshot.has_value());
        const auto result = audit::verify(**snapshot, check);
        REQUIRE(result.has_value());
        return *result;
    }
    /// Changes gridd's files behind its back, which gridd itself never does.
    void tamper(const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& work) {
        std::vector<rocksdb::ColumnFamilyDescriptor> families;
        for (const char* name : {"default", "index", "payload", "audit"})
            families.emplace_back(name, rocksdb::ColumnFamilyOptions());
        std::vector<rocksdb::ColumnFamilyHandle*> handles;
        rocksdb::DB* db = nullptr;
        const auto status =
            rocksdb::DB::Open(rocksdb::DBOptions(), path_ + "/store", families, &handles, &db);
        INFO(status.ToString());
        REQUIRE(status.ok());
        work(*db, handles[3]);
        for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
        delete db;
    }
    /// Key and stored bytes of all audit records.
    static std::vector<std::pair<std::string, std::string>> all(
        rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family
    ) {
        std::vector<std::pair<std::string, std::string>> found;
        const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator({}, family));
        for (at->SeekToFirst(); at->Valid(); at->Next())
            found.emplace_back(at->key().ToString(), at->value().ToString());
        return found;
    }

private:
    storage::RocksSettings settings() const {
        storage::RocksSettings settings;
        settings.path = path_ + "/store";
        settings.free_bytes = [](const std::string&) { return std::uint64_t{1} << 40; };
        return settings;
    }

    std::string path_;
    std::optional<std::promise<bool>> done_;
};

}   // namespace grid::test
