// controller/gridctl/options.cpp: domain, accounts, time and text for all commands.
#include "controller/gridctl/options.hpp"

#include <unistd.h>
#include <algorithm>

#include <chrono>
#include <iostream>
#include <iterator>

#include "controller/gridctl/table.hpp"
#include "controller/gridctl/target.hpp"
#include "controller/pki/files.hpp"
#include "controller/pki/layout.hpp"
#include "controller/pki/pki.hpp"
#include "xml/domain.hpp"

namespace grid::controller::gridctl {

std::string domain_of(const Options& options) {
    // A running gridd is asked first: with an operator's own certificates there is no DIR/pki.
    if (const Ready ready = read_ready(options); !ready.domain.empty()) return ready.domain;
    const auto file = pki::read_file(pki::Layout{options.data}.domain());
    if (!file) return "";   // ignored: what needs the domain says so itself
    const auto prepared =
        xml::prepare_domain(file->text.substr(0, file->text.find_first_of("\r\n")), false);
    return prepared.value_or("");
}

xml::Jid account_of(
    const Options& options, const std::string& text, const std::function<std::string()>& ask
) {
    std::string full = text;
    if (text.find('@') == std::string::npos) {
        std::string domain = domain_of(options);
        if (domain.empty() && ask) domain = ask();
        if (domain.empty())
            throw Failed(
                Exit::Usage, "'" + text +
                                 "': give the full address, NAME@DOMAIN (no domain is "
                                 "known: there is no " +
                                 pki::Layout{options.data}.domain().string() + ")"
            );
        full += "@" + domain;
    }
    const auto jid = xml::Jid::parse(full);
    if (!jid.has_value() || !jid->is_bare() || jid->local().empty())
        throw Failed(
            Exit::Usage, "'" + text + "' is no account address such as sensor@grid.example"
        );
    return *jid;
}

std::string authority_key(const std::string& text) {
    const bool is_hash = text.size() == 64 && std::ranges::all_of(text, [](char c) {
                             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                         });
    if (is_hash) return text;
    const auto read = pki::describe(read_text(text));
    if (!read) throw Failed(Exit::Usage, text + ": " + read.error());
    if (!read->is_ca)
        throw Failed(
            Exit::Usage, text + ": " + read->subject +
                             " is no certificate of a CA (nor are these "
                             "the 64 hexadecimal digits of the SHA-256 of its key)"
        );
    return read->key;
}

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string read_text(const std::string& path) {
    if (path == "-")
        return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    const auto file = pki::read_file(path);
    if (!file) throw Failed(Exit::Usage, file.error());
    if (!file->exists) throw Failed(Exit::Usage, "there is no file " + path);
    return file->text;
}

void print(const std::string& text) { std::cout << text << std::flush; }

void print_text(const std::string& text) {
    print(::isatty(STDOUT_FILENO) == 1 ? printable(text, "\n\t") : text);
}

}   // namespace grid::controller::gridctl
