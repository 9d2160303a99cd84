// tests/stories/chain_test.cpp: isAuthorized by certificate chain; the verifier is a double, the
// real one has its own tests.
#include <catch2/catch.hpp>

#include "grid_stage.hpp"
#include "xml/base64.hpp"

namespace chain_test {

using grid::test::GridStage;

namespace {

constexpr const char* ise = "ise@grid.example/p";
using Identity = grid::controller::Identity;

/// Says of every chain what the test wants.
class FakeChains final : public grid::controller::CertificateVerifier {
public:
    Verdict verify(const std::vector<std::string>& chain) const override {
        seen = chain;
        return verdict;
    }
    Verdict verdict{true, {}, {}};
    mutable std::vector<std::string> seen;
};

class Chain : public GridStage {
public:
    Chain() {
        controller().attach(&chains);
        policy(
            "allow group makers any any\nallow group readers query Session-*\n"
            "allow group both to publish, query on Session-*\n"
        );
        member(ise, R"(["makers"])");
        member("asa@grid.example/x", R"(["readers"])");
        member("bob@grid.example/x", R"(["both"])");
        member("eve@grid.example/x", "[]");
        REQUIRE(
            sends(
                ise,
                "<iq xmlns='jabber:client' id='i' type='set' to='controller.grid.example'>"
                "<grid xmlns='xgrid'><initPublishRequest><capability><name>Session-1.0</name>"
                "</capability><query name='Q'/></initPublishRequest></grid></iq>"
            )
                .attr_or("type", "") == "result"
        );
    }
    /// "true read-only asa@…", "false", or the condition of the refusal.
    std::string ask(const std::string& params, const char* who = ise) {
        const auto answer = sends(
            who,
            "<iq xmlns='jabber:client' id='q' type='get' to='controller.grid.example'>"
            "<grid xmlns='gi'><AuthorizationQuery xmlns='com.domain.gi.gcl.controller'>"
            "<isAuthorized>" +
                params +
                "<param name='service'>Q</param></isAuthorized>"
                "</AuthorizationQuery></grid></iq>"
        );
        if (const auto* error = answer.child("error"))
            return std::string(error->first_child()->name());
        const auto& method = *answer.first_child()->first_child()->first_child();
        std::string text;
        for (const char* name : {"value", "grant", "identity"})
            if (const auto* child = method.child_any_ns(name))
                text += (text.empty() ? "" : " ") + child->text();
        return text;
    }
    static std::string chain(const std::vector<std::string>& certificates) {
        std::string text = "<param name='certificateChain'>";
        for (const std::string& der : certificates)
            text += "<cert>" + grid::xml::to_base64(der) + "</cert>";
        return text + "</param>";
    }
    static std::string identity_param(const std::string& jid) {
        return "<param name='identity'>" + jid + "</param>";
    }
    void says(const std::vector<const char*>& names, std::string_view anchor = "ca") {
        chains.verdict = {true, {}, {}};
        for (const char* name : names) chains.verdict.identities.push_back(identity(name, anchor));
    }

    FakeChains chains;
    const std::string one = chain({"leaf"});
};

}   // namespace

TEST_CASE_METHOD(Chain, "S50: the identity is that of the leaf, and the rules decide", "[grid]") {
    says({"asa@grid.example"});
    CHECK(ask(chain({"leaf", "issuer"})) == "true read-only asa@grid.example");
    CHECK(chains.seen == std::vector<std::string>{"leaf", "issuer"});
    says({"eve@grid.example"});
    CHECK(ask(one) == "false eve@grid.example");
    says({"nobody@grid.example"});
    CHECK(ask(one) == "false nobody@grid.example");
    // Base64 comes in lines.
    says({"asa@grid.example"});
    CHECK(
        ask("<param name='certificateChain'>\n <cert>\n bGVh\n Zg==\n </cert>\n</param>") ==
        "true read-only asa@grid.example"
    );
    CHECK(chains.seen == std::vector<std::string>{"leaf"});
}

TEST_CASE_METHOD(Chain, "S50: a chain that does not hold is a denial", "[grid]") {
    says({"asa@grid.example"});
    chains.verdict.reason = "expired on 2026-01-01";
    CHECK(ask(one) == "false");
    CHECK(ask(identity_param("asa@grid.example") + one) == "false asa@grid.example");
    says({});   // the certificate names no account here
    CHECK(ask(one) == "false");
}

TEST_CASE_METHOD(Chain, "S50: identity and chain must be of the same", "[grid]") {
    says({"asa@grid.example"});
    CHECK(ask(identity_param("asa@grid.example/any") + one) == "true read-only asa@grid.example");
    CHECK(ask(identity_param("bob@grid.example") + one) == "false bob@grid.example");
    // A certificate of another CA with the right name is not the account's.
    says({"asa@grid.example"}, "other-ca");
    CHECK(ask(one) == "false asa@grid.example");
    // Several names: which is meant must be said.
    says({"asa@grid.example", "eve@grid.example"});
    CHECK(ask(one) == "bad-request");
    CHECK(ask(identity_param("asa@grid.example") + one) == "true read-only asa@grid.example");
}

TEST_CASE_METHOD(Chain, "S50: another key than the one that the account is pinned to", "[grid]") {
    const std::string key(64, 'a'), stolen(64, 'b');
    REQUIRE(
        rest(
            "root@grid.example", "PATCH", "/accounts/asa@grid.example",
            R"({"key_pin":")" + key + "\"}"
        )
            .first == 200
    );
    says({"asa@grid.example"});
    CHECK(ask(one) == "false asa@grid.example");
    chains.verdict.identities.front().key = stolen;
    CHECK(ask(one) == "false asa@grid.example");
    chains.verdict.identities.front().key = key;
    CHECK(ask(one) == "true read-only asa@grid.example");
}

TEST_CASE_METHOD(
    Chain, "S50: what is no chain, and too much of one, is refused as such", "[grid]"
) {
    says({"asa@grid.example"});
    CHECK(ask("<param name='certificateChain'/>") == "bad-request");
    CHECK(ask("<param name='certificateChain'><cert>?</cert></param>") == "bad-request");
    CHECK(ask("<param name='certificateChain'><cert/></param>") == "bad-request");
    CHECK(ask("<param name='certificateChain'><key>bGVhZg==</key></param>") == "bad-request");
    CHECK(ask(chain(std::vector<std::string>(9, "c"))) == "bad-request");
    CHECK(ask(chain({std::string(33 * 1024, 'x')})) == "bad-request");
    chains.seen.clear();
    chains.verdict.is_readable = false;
    CHECK(ask(one) == "bad-request");
    CHECK(chains.seen.size() == 1);
    CHECK(ask("") == "bad-request");   // neither identity nor chain
}

TEST_CASE_METHOD(
    Chain, "S48, S50: only a provider of the service may ask, whatever it shows", "[grid]"
) {
    says({"asa@grid.example"});
    CHECK(ask(one, "asa@grid.example/x") == "forbidden");
    CHECK(ask(one + identity_param("eve@grid.example"), "asa@grid.example/x") == "forbidden");
    disconnects(ise);   // one that is registered no more is no provider
    REQUIRE(connects(ise));
    CHECK(ask(one) == "forbidden");
}

TEST_CASE_METHOD(Chain, "S51: the grant says what the account may do altogether", "[grid]") {
    CHECK(ask(identity_param("asa@grid.example")) == "true read-only asa@grid.example");
    CHECK(ask(identity_param("bob@grid.example")) == "true read/write bob@grid.example");
    CHECK(
        ask(identity_param("bob@grid.example") + "<param name='operation'>write</param>") ==
        "true read/write bob@grid.example"
    );
    CHECK(
        ask(identity_param("asa@grid.example") + "<param name='operation'>write</param>") ==
        "false asa@grid.example"
    );
    CHECK(
        ask(identity_param("asa@grid.example") + "<param name='operation'>bulk</param>") ==
        "false asa@grid.example"
    );
}

}   // namespace chain_test
