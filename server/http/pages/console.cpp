// server/http/pages/console.cpp: see console.hpp.
#include "server/http/pages/console.hpp"

#include <string>

#include "controller/console/assets.hpp"

namespace grid::server::http {

namespace {

constexpr std::string_view console_folder = "/console/";

// No script and no style but our files, no markup made from text (Trusted Types), no other server.
constexpr std::string_view console_headers =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";

Answer redirect() {
    Answer answer;
    answer.status = 302;
    answer.headers = "Location: /console/\r\n";
    return answer;
}

}   // namespace

Answer console(std::string_view path, std::string_view known) {
    if (!path.starts_with(console_folder)) return redirect();
    path.remove_prefix(console_folder.size());
    if (path.empty()) path = "index.html";
    for (const controller::ConsoleAsset& asset : controller::console_assets()) {
        if (asset.path != path) continue;
        Answer answer = file_answer(asset.type, asset.bytes, asset.tag, known);
        answer.headers += console_headers;
        return answer;
    }
    return to_answer(Refusal{404, "not-found", "the console has no such file", {}});
}

}   // namespace grid::server::http
