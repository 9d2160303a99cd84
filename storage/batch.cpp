// storage/batch.cpp: building a batch and weighing it.
#include "storage/batch.hpp"

#include <utility>

namespace grid::storage {

Batch& Batch::put(Family family, std::string key, std::string value) {
    operations.push_back({family, false, std::move(key), std::move(value), -1, -1});
    return *this;
}

Batch& Batch::put_at_revision(
    Family family, std::string key, std::int32_t revision_at, std::string value
) {
    operations.push_back({family, false, std::move(key), std::move(value), revision_at, -1});
    return *this;
}

Batch& Batch::erase(Family family, std::string key) {
    operations.push_back({family, true, std::move(key), {}, -1, -1});
    return *this;
}

Batch& Batch::cut(std::string from, std::string to) {
    operations.push_back({Family::Audit, true, std::move(to), std::move(from), -1, -1});
    return *this;
}

Batch& Batch::expect(Family family, std::string key, Revision revision) {
    expectations.push_back({family, std::move(key), revision});
    return *this;
}

std::size_t Batch::bytes() const {
    std::size_t total = event.size();
    for (const Write& operation : operations)
        total += operation.key.size() + operation.value.size();
    for (const Expectation& expectation : expectations) total += expectation.key.size();
    return total;
}

}   // namespace grid::storage
