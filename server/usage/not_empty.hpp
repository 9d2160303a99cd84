// server/usage/not_empty.hpp: the check of an option whose value names something.
#pragma once

#include <CLI/Validators.hpp>
#include <string>

namespace grid::server::usage {

/// An empty value is most likely a variable of a shell that is not set. It would else be taken as
/// if the option were not given, and the default is about something else.
inline CLI::Validator not_empty() {
    const auto check = [](const std::string& given) {
        return given.empty() ? std::string("its value is empty") : std::string();
    };
    return {check, std::string(), "not empty"};
}

}   // namespace grid::server::usage
