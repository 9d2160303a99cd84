// tests/unit/storage/reader_pool_test.cpp: threads that survive what they are given.
#include "storage/reader_pool.hpp"

#include <catch2/catch.hpp>
#include <future>
#include <stdexcept>

namespace reader_pool_test {

using namespace grid::storage;

TEST_CASE("work that throws ends alone: it is told of, and the thread goes on (found A25)") {
    std::promise<std::string> told;
    ReaderPool pool(1, [&told](const std::string& reason) { told.set_value(reason); });
    pool.run([] { throw std::out_of_range("a map has no such key"); });
    CHECK(told.get_future().get() == "a map has no such key");
    std::promise<int> next;
    pool.run([&next] { next.set_value(7); });
    CHECK(next.get_future().get() == 7);
}

}   // namespace reader_pool_test
