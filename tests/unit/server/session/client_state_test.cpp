// tests/unit/server/session/client_state_test.cpp: client state indication (XEP-0352).
#include "server/session/client_state.hpp"

#include <catch2/catch.hpp>

namespace client_state_test {

using namespace grid::server;
using grid::xml::Element;

TEST_CASE("XEP-0352 4: two elements say whether the client is active") {
    CHECK(is_client_state(Element("active", csi_ns)));
    CHECK(is_client_state(Element("inactive", csi_ns)));
    CHECK_FALSE(is_client_state(Element("sleepy", csi_ns)));
    CHECK_FALSE(is_client_state(Element("active", grid::xml::Ns("jabber:client"))));
}

}   // namespace client_state_test
