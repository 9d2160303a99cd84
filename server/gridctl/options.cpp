// server/gridctl/options.cpp: domain, accounts, time and text for all commands.
#include "server/gridctl/options.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <iterator>

#include "server/gridctl/table.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "xml/domain.hpp"
#include "xml/utf8.hpp"

namespace grid::gridctl {

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

namespace {

/// Before it is sent: the server would know neither the file nor the place.
void need_utf8(const std::string& text, const std::string& what) {
    for (std::size_t at = 0; at < text.size();) {
        const xml::CodePoint next = xml::first_code_point(std::string_view(text).substr(at));
        if (next.bytes == 0)
            throw Failed(Exit::Usage, what + " is not UTF-8, byte " + std::to_string(at + 1));
        at += next.bytes;
    }
}

/// The terminal does not show what is typed, as long as this lives.
class Unseen {
public:
    Unseen() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (!is_terminal_) return;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    ~Unseen() {
        if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    Unseen(const Unseen&) = delete;
    Unseen& operator=(const Unseen&) = delete;

private:
    termios before_{};
    bool is_terminal_;
};

std::string ask_unseen(const std::string& what) {
    const Unseen unseen;
    std::string line;
    std::cerr << what << std::flush;
    std::getline(std::cin, line);
    std::cerr << '\n';
    return line;
}

}   // namespace

std::string read_utf8(const std::string& path) {
    std::string text = read_text(path);
    need_utf8(text, path == "-" ? "standard input" : path);
    return text;
}

std::string read_password(const std::string& source) {
    if (!source.empty() && source != "-" && source.front() != '@')
        throw Failed(Exit::Usage, "give @FILE, or - for standard input: arguments are no secret");
    std::string text;
    if (!source.empty() && source != "-") {
        text = read_text(source.substr(1));
    } else if (source.empty() && ::isatty(STDIN_FILENO) == 1) {
        text = ask_unseen("password: ");
        if (ask_unseen("once more: ") != text) throw Failed(Exit::Usage, "these two differ");
    } else {
        std::getline(std::cin, text);
    }
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    if (text.empty()) throw Failed(Exit::Usage, "the password is empty");
    need_utf8(text, "the password");
    return text;
}

void print(const std::string& text) {
    errno = 0;
    std::cout << text << std::flush;
    if (std::cout) return;
    const std::string why = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
    throw Failed(Exit::Refused, "cannot write to standard output" + why);
}

std::size_t terminal_width() {
    winsize size{};
    const bool is_terminal =
        ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return is_terminal ? size.ws_col : 0;
}

void print_text(const std::string& text) {
    print(::isatty(STDOUT_FILENO) == 1 ? printable(text, "\n\t") : text);
}

}   // namespace grid::gridctl
