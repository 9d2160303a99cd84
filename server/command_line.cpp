// server/command_line.cpp: gridd's options.
#include "server/command_line.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "server/app.hpp"
#include "server/config_file.hpp"
#include "server/version.hpp"

namespace grid::server {
namespace {

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

}   // namespace

int run_command_line(int argc, char** argv, std::shared_ptr<rocksdb::FileSystem> file_system) {
    CLI::App cli("gridd, the XMPP-Grid server");
    ConfigSources sources;
    sources.environment = environment;
    AppOptions options;
    options.file_system = std::move(file_system);
    std::string data = environment("GRIDD_DATA").value_or(options.data.string());
    bool is_check = false;
    cli.add_option(
        "--config", sources.file, "gridd.toml; without it: defaults and evaluation keys"
    );
    cli.add_option("--data", data, "directory of the store and of everything gridd writes")
        ->capture_default_str();
    cli.add_option("--set", sources.sets, "one option, KEY=VALUE or KEY=@FILE; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    cli.add_option(
        "--ready-file", options.ready_file, "written, as JSON, once connections are taken"
    );
    cli.add_flag("--check", is_check, "check the configuration and exit");
    cli.set_version_flag("--version", std::string("gridd ") + version);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return cli.exit(error) == 0 ? 0 : 2;   // 2: wrong usage, as gridctl has it
    }

    auto config = load_config(sources);
    if (!config) {
        std::cerr << "gridd: " << config.error() << '\n';
        return 1;
    }
    options.config = std::move(*config);
    options.data = data;
    if (!is_check) return run_app(std::move(options));
    if (auto checked = check_app(options); !checked) {
        std::cerr << "gridd: " << checked.error() << '\n';
        return 1;
    }
    std::cout << "the configuration is good\n";
    return 0;
}

}   // namespace grid::server
