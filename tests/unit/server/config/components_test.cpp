// tests/unit/server/config/components_test.cpp: an entry of components.known (XEP-0114).
#include "server/config/components.hpp"

#include <catch2/catch.hpp>

namespace components_test {

using grid::server::parse_component;

TEST_CASE("components: a domain, an account, a secret", "[config]") {
    const auto one =
        parse_component("Echo.grid.example echo@grid.example 0123456789abcdef", "grid.example");
    REQUIRE(one.has_value());
    CHECK(one->domain.str() == "echo.grid.example");
    CHECK(one->account.str() == "echo@grid.example");
    CHECK(one->secret == "0123456789abcdef");
}

TEST_CASE("components: what is none, without its secret in the text", "[config]") {
    for (const char* text :
         {"", "echo.grid.example", "echo.grid.example echo@grid.example",
          "echo.grid.example echo@grid.example 0123456789abcdef more",
          "echo@grid.example echo@grid.example 0123456789abcdef",
          "echo.other.example echo@grid.example 0123456789abcdef",
          "grid.example echo@grid.example 0123456789abcdef",
          "pubsub.grid.example echo@grid.example 0123456789abcdef",
          "controller.grid.example echo@grid.example 0123456789abcdef",
          "echo.grid.example grid.example 0123456789abcdef",
          "echo.grid.example echo@grid.example/r 0123456789abcdef",
          "echo.grid.example echo@other.example 0123456789abcdef",
          "echo.grid.example echo@grid.example 0123456789abcde"}) {
        const auto one = parse_component(text, "grid.example");
        INFO(text);
        REQUIRE_FALSE(one.has_value());
        CHECK(one.error().find("0123456789") == std::string::npos);
    }
}

}   // namespace components_test
