// xml/datetime.cpp: timestamps to and from text.
#include "xml/datetime.hpp"

#include <algorithm>
#include <chrono>

namespace grid::xml {
namespace {

namespace chr = std::chrono;

constexpr Millis day_millis = 86'400'000;
constexpr Millis first_millis =
    chr::milliseconds(chr::sys_days(chr::January / 1 / 0).time_since_epoch()).count();
constexpr Millis last_millis =
    chr::milliseconds(chr::sys_days(chr::January / 1 / 10000).time_since_epoch()).count() - 1;

void append_digits(std::string& out, Millis value, int width) {
    char digits[8];
    for (int i = width - 1; i >= 0; --i, value /= 10)
        digits[i] = static_cast<char>('0' + value % 10);
    out.append(digits, static_cast<std::size_t>(width));
}

// Takes fixed-width pieces off the front of a text; once one does not fit, nothing fits any more.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    int digits(std::size_t width) {
        int value = 0;
        for (std::size_t i = 0; i < width; ++i) value = value * 10 + digit();
        return value;
    }
    /// A fraction of a second as milliseconds; further digits are cut off.
    int fraction() {
        int millis = digit() * 100;
        for (int weight = 10; at_digit(); weight /= 10) millis += digit() * weight;
        return millis;
    }
    void literal(char c) {
        if (!take(c)) ok_ = false;
    }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool finished() const { return ok_ && rest_.empty(); }

private:
    bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
    int digit() {
        if (!at_digit()) {
            ok_ = false;
            return 0;
        }
        int value = rest_.front() - '0';
        rest_.remove_prefix(1);
        return value;
    }

    std::string_view rest_;
    bool ok_ = true;
};

/// Minutes east of UTC; nothing when out of range. XML Schema allows up to 14:00.
std::optional<int> zone(Reader& read) {
    if (read.take('Z')) return 0;
    bool west = read.take('-');
    if (!west) read.literal('+');
    int hours = read.digits(2);
    read.literal(':');
    int minutes = read.digits(2);
    if (minutes > 59 || hours * 60 + minutes > 14 * 60) return std::nullopt;
    return (west ? -1 : 1) * (hours * 60 + minutes);
}

}   // namespace

std::string to_datetime(Millis time) {
    // XEP-0082 has four digits for the year.
    time = std::clamp(time, first_millis, last_millis);
    auto moment = chr::sys_time<chr::milliseconds>(chr::milliseconds(time));
    auto day = chr::floor<chr::days>(moment);
    chr::year_month_day date(day);
    Millis in_day = (moment - day).count();
    std::string out;
    out.reserve(24);
    append_digits(out, static_cast<int>(date.year()), 4);
    out += '-';
    append_digits(out, static_cast<unsigned>(date.month()), 2);
    out += '-';
    append_digits(out, static_cast<unsigned>(date.day()), 2);
    out += 'T';
    append_digits(out, in_day / 3'600'000, 2);
    out += ':';
    append_digits(out, in_day / 60'000 % 60, 2);
    out += ':';
    append_digits(out, in_day / 1000 % 60, 2);
    out += '.';
    append_digits(out, in_day % 1000, 3);
    out += 'Z';
    return out;
}

std::optional<Millis> parse_datetime(std::string_view text) {
    Reader read(text);
    int year = read.digits(4);
    read.literal('-');
    int month = read.digits(2);
    read.literal('-');
    int day = read.digits(2);
    read.literal('T');
    int hour = read.digits(2);
    read.literal(':');
    int minute = read.digits(2);
    read.literal(':');
    int second = read.digits(2);
    int millis = read.take('.') ? read.fraction() : 0;
    auto offset = zone(read);
    if (!read.finished() || !offset) return std::nullopt;
    chr::year_month_day date{
        chr::year(year), chr::month(static_cast<unsigned>(month)),
        chr::day(static_cast<unsigned>(day))
    };
    if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    Millis days = chr::sys_days(date).time_since_epoch().count();
    Millis seconds = (hour * 60 + minute - *offset) * 60 + second;
    return days * day_millis + seconds * 1000 + millis;
}

}   // namespace grid::xml
