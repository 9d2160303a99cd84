// server/process/policy_file.cpp: see policy_file.hpp.
#include "server/process/policy_file.hpp"

#include "controller/policy/parser.hpp"
#include "server/regular_file.hpp"
#include "xml/utf8.hpp"

namespace grid::server {

Result<std::string, std::string> read_policy_file(const Config& config) {
    using Read = Result<std::string, std::string>;
    const std::string& file = config.policy.file;
    const auto fail = [&](const std::string& why) {
        return Read(boost::system::in_place_error, file + why);
    };
    auto text = read_regular_file(file);
    if (!text) return text;
    std::size_t line = 1;
    for (std::string_view rest = *text; !rest.empty();) {
        const std::size_t bytes = xml::first_code_point(rest).bytes;
        if (bytes == 0) return fail(":" + std::to_string(line) + ": is no UTF-8");
        line += rest.front() == '\n' ? 1 : 0;
        rest.remove_prefix(bytes);
    }
    const auto parsed = controller::policy::parse(*text, config.domain);
    if (parsed.ok()) return text;
    std::string all;
    for (const auto& one : parsed.errors)
        all += (all.empty() ? "" : "\n" + file) + ":" + std::to_string(one.line) + ":" +
               std::to_string(one.column) + ": " + one.text;
    return fail(all);
}

}   // namespace grid::server
