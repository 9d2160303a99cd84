// tests/unit/server/config/config_file_test.cpp: options by file, environment and command line,
// and their refusals.
#include "server/config/file.hpp"

#include <unistd.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

namespace config_file_test {

using namespace grid::server;
using Catch::Matchers::Contains;

namespace {

struct TemporaryFile {
    explicit TemporaryFile(const std::string& text)
        : path(
              std::filesystem::temp_directory_path() /
              ("gridd-config-" + std::to_string(::getpid()) + ".toml")
          ) {
        std::ofstream(path) << text;
    }
    ~TemporaryFile() { std::filesystem::remove(path); }
    std::filesystem::path path;
};

/// The configuration, or a line for each finding.
grid::Result<Config, std::string> load_config(const ConfigSources& sources) {
    ConfigRead read = read_config(sources);
    if (read.findings.empty()) return std::move(read.config);
    std::string text;
    for (const Finding& finding : read.findings)
        text += (text.empty() ? "" : "\n") + to_text(finding, read.config);
    return {boost::system::in_place_error, text};
}

auto load(const std::string& toml, std::vector<std::string> sets = {}) {
    TemporaryFile file(toml);
    return load_config({file.path.string(), std::move(sets), {}});
}

}   // namespace

TEST_CASE("file, environment and --set, the later one wins") {
    TemporaryFile file("domain = 'a.example'\n[listen]\nc2s = '127.0.0.1:1'\nhttp = '127.0.0.1:1'\n"
    );
    std::map<std::string, std::string> env{
        {"GRIDD_LISTEN_C2S", "127.0.0.1:2"}, {"GRIDD_LISTEN_HTTP", "127.0.0.1:2"}
    };
    auto config =
        load_config({file.path.string(), {"listen.http=127.0.0.1:3"}, [&](const auto& name) {
                         return env.count(name) ? std::optional(env[name]) : std::nullopt;
                     }});
    REQUIRE(config.has_value());
    CHECK(config->domain == "a.example");
    CHECK(config->listen.c2s == "127.0.0.1:2");
    CHECK(config->listen.http == "127.0.0.1:3");
    CHECK(config->listen.c2s_tls == "0.0.0.0:5223");
}

TEST_CASE("an unknown key names file, line, column and the key that was meant") {
    auto config = load("[listen]\n  c2d = 'x'\n");
    REQUIRE(config.has_error());
    CHECK_THAT(
        config.error(),
        Contains(":2:3:") && Contains("'listen.c2d'") && Contains("did you mean 'listen.c2s'")
    );
    CHECK_THAT(load("", {"lisen.c2s=x"}).error(), Contains("did you mean 'listen.c2s'"));
    CHECK_THAT(load("", {"c2s_tls=x"}).error(), Contains("did you mean 'listen.c2s_tls'"));
    CHECK_THAT(load("", {"foo=1"}).error(), Contains("'foo'; gridd.toml(5) has all of them"));
}

TEST_CASE("a value of the wrong type is refused with its place") {
    CHECK_THAT(load("[limits]\nstanza_bytes_max = 'many'\n").error(), Contains(":2:20:"));
    CHECK_THAT(load("[pubsub]\naccess_open = 1\n").error(), Contains("pubsub.access_open"));
    CHECK_THAT(load("", {"limits.depth_max=-1"}).error(), Contains("whole number"));
    CHECK_THAT(load("", {"tls.require_client_certificate=yes"}).error(), Contains("true or false"));
    CHECK_THAT(load("", {"domain"}).error(), Contains("KEY=VALUE"));
    CHECK_THAT(load("domain = \n").error(), Contains(":1:"));
}

TEST_CASE("values that contradict each other are refused") {
    CHECK_THAT(load("", {"tls.certificate=a.crt"}).error(), Contains("together"));
    CHECK_THAT(load("", {"tls.certificate=a", "tls.key=b"}).error(), Contains("tls.client_ca"));
    CHECK_THAT(load("", {"pubsub.default_access_model=open"}).error(), Contains("access_open"));
    CHECK_THAT(load("", {"limits.stanza_bytes_max=9999"}).error(), Contains("10000"));
    CHECK_THAT(load("", {"limits.depth_max=1001"}).error(), Contains("at most 1000"));
    CHECK_THAT(load("", {"limits.pre_auth_depth_max=1001"}).error(), Contains("at most 1000"));
    CHECK_THAT(load("", {"log.level=loud"}).error(), Contains("debug, info, warn or error"));
}

TEST_CASE("lists: types, mappings, groups") {
    auto config = load(
        "[pubsub]\ntypes = ['iodef/*=urn:iodef', '*=urn:any']\n",
        {"sasl.mappings=cn,email@abcd", "accounts.default_groups=a,b"}
    );
    REQUIRE(config.has_value());
    CHECK(
        config->pubsub.types ==
        std::vector<std::pair<std::string, std::string>>{{"iodef/*", "urn:iodef"}, {"*", "urn:any"}}
    );
    REQUIRE(config->sasl.mappings.size() == 2);
    CHECK(config->sasl.mappings[1].source == "email");
    CHECK(config->sasl.mappings[1].ca == "abcd");
    CHECK(config->controller.default_groups == std::vector<std::string>{"a", "b"});
    CHECK(load("", {"sasl.mappings=phone"}).has_error());
}

TEST_CASE("a value can be read from a file") {
    TemporaryFile secret("b.example\n");
    auto config = load_config({"", {"domain=@" + secret.path.string()}, {}});
    REQUIRE(config.has_value());
    CHECK(config->domain == "b.example");
    CHECK(load_config({"", {"domain=@/nowhere/at/all"}, {}}).has_error());
}

TEST_CASE("S82: the default groups of accounts make no administrators") {
    const auto config =
        load("[accounts]\nauto_approve = true\ndefault_groups = ['administrators']\n");
    REQUIRE(config.has_error());
    CHECK_THAT(config.error(), Contains("accounts.default_groups"));
    CHECK(load("[accounts]\ndefault_groups = ['everyone', 'desks']\n").has_value());
}

TEST_CASE("names are prepared where they are read") {
    const std::string administrators = "[accounts]\nadministrators = ['Ann@Grid.Example']\n";
    auto config = load("domain = 'Grid.Example.'\n" + administrators);
    REQUIRE(config.has_value());
    CHECK(config->domain == "grid.example");
    CHECK(config->accounts.administrators == std::vector<std::string>{"ann@grid.example"});
    CHECK(load("", {"domain=xn--bcher-kva.example"})->domain == "bücher.example");
    CHECK(
        load("", {"controller.aliases=Old_Alias.Jabber."})->controller.aliases[0] ==
        "old_alias.jabber"
    );
    CHECK(load("", {"sasl.mappings=cn@AB:CD"})->sasl.mappings[0].ca == "abcd");
    CHECK_THAT(
        load("domain = 'my_grid.example'\n").error(),
        Contains(":1:10: ") && Contains("my-grid.example")
    );
}

TEST_CASE("a refusal names the place of the option, wherever it was given") {
    CHECK_THAT(load("[tls]\nocsp = 'maybe'\n").error(), Contains(":2:8: tls.ocsp must be"));
    CHECK_THAT(load("", {"tls.ocsp=maybe"}).error(), Contains("--set tls.ocsp: tls.ocsp must be"));
    const auto both = load("[log]\nlevel = 'loud'\nformat = 'xml'\n").error();
    CHECK_THAT(both, Contains(":2:9: log.level") && Contains(":3:10: log.format"));
}

TEST_CASE("all mistakes of all sources are told at once, and what is right is read") {
    TemporaryFile file(
        "domain = 'a.example'\nno_such = 1\n[tls]\ncertificate = 7\nkey = 'k'\n"
        "client_ca = 'c'\n[log]\nlevel = 'loud'\n"
    );
    const ConfigRead read = read_config(
        {file.path.string(),
         {"listen.c2s", "files.threads=many", "listen.http=127.0.0.1:1"},
         [](const std::string& name) {
             return name == "GRIDD_TLS_STAPLE" ? std::optional<std::string>("perhaps")
                                               : std::nullopt;
         }}
    );
    CHECK(read.is_whole);
    CHECK(read.config.domain == "a.example");
    CHECK(read.config.listen.http == "127.0.0.1:1");
    std::string all;
    for (const Finding& finding : read.findings) all += to_text(finding, read.config) + "\n";
    CHECK_THAT(all, Contains(":2:1: there is no option 'no_such'"));
    CHECK_THAT(all, Contains(":4:15: 'tls.certificate' must be a text"));
    CHECK_THAT(all, Contains(":8:9: log.level must be"));
    CHECK_THAT(all, Contains("--set listen.c2s: must be KEY=VALUE"));
    CHECK_THAT(all, Contains("--set files.threads: must be a whole number"));
    CHECK_THAT(all, Contains("GRIDD_TLS_STAPLE: must be true or false"));
    // The default that stands for the wrong value of tls.certificate is not judged.
    CHECK(read.findings.size() == 6);
    CHECK(read.config.origin.files == std::vector<std::string>{file.path.string()});
}

TEST_CASE("a file that is no TOML says that and no more") {
    TemporaryFile file("domain = 'a.example'\n[listen\n");
    const ConfigRead read = read_config({file.path.string(), {"log.level=loud"}, {}});
    CHECK_FALSE(read.is_whole);
    REQUIRE(read.findings.size() == 1);
    CHECK_THAT(place_of(read.findings[0], read.config), Contains(":2:"));
}

TEST_CASE("a misspelt variable is remarked upon, one of a container's host is not") {
    ConfigSources sources;
    sources.environment_names = {"GRIDD_DOMIAN", "GRIDD_DATA", "GRIDD_SERVICE_HOST", "HOME"};
    const auto config = load_config(sources);
    REQUIRE(config.has_value());
    REQUIRE(config->origin.remarks.size() == 1);
    CHECK_THAT(config->origin.remarks[0], Contains("GRIDD_DOMIAN") && Contains("GRIDD_DOMAIN?"));
}

}   // namespace config_file_test
