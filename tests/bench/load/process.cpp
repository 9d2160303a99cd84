// tests/bench/load/process.cpp: reads /proc.
#include "load/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "load/loop.hpp"

namespace grid::bench {

namespace {

struct Stat {
    int parent = 0;
    double cpu_seconds = 0;
};

// proc(5): the name, in parentheses, may hold anything; the fields are counted from behind it.
bool read_stat(const std::string& pid, Stat& into) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string line;
    if (!std::getline(file, line)) return false;
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string state;
    fields >> state >> into.parent;
    std::string skipped;
    for (int i = 0; i < 9; ++i) fields >> skipped;
    double user = 0, system = 0, user_children = 0, system_children = 0;
    fields >> user >> system >> user_children >> system_children;
    static const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    into.cpu_seconds = (user + system + user_children + system_children) / ticks;
    return true;
}

void add_memory(int pid, Cost& cost) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    std::string word;
    std::uint64_t kib = 0;
    while (file >> word) {
        if (word == "VmRSS:" && file >> kib) cost.rss_bytes += kib * 1024;
        if (word == "RssAnon:" && file >> kib) cost.anonymous_bytes += kib * 1024;
    }
}

}   // namespace

Cost cost_of(int pid) {
    if (pid == 0) return {};
    std::map<int, Stat> processes;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        Stat stat;
        if (name.find_first_not_of("0123456789") == std::string::npos && read_stat(name, stat))
            processes[std::stoi(name)] = stat;
    }
    if (!processes.contains(pid))
        throw std::runtime_error("the server (process " + std::to_string(pid) + ") is gone");

    Cost cost;
    std::vector<int> open{pid};
    while (!open.empty()) {
        const int current = open.back();
        open.pop_back();
        cost.cpu_seconds += processes[current].cpu_seconds;
        add_memory(current, cost);
        for (const auto& [child, stat] : processes)
            if (stat.parent == current) open.push_back(child);
    }
    return cost;
}

double own_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Meter::Reading Meter::read() const {
    Reading reading;
    reading.seconds = static_cast<double>(now_ns()) / 1e9;
    reading.server = cost_of(server_pid_).cpu_seconds;
    reading.own = own_cpu_seconds();
    // proc(5), /proc/stat: user nice system idle iowait irq softirq steal.
    std::ifstream file("/proc/stat");
    std::string label;
    double field[8] = {};
    file >> label;
    for (double& value : field) file >> value;
    const double busy = field[0] + field[1] + field[2] + field[5] + field[6] + field[7];
    reading.machine = busy / static_cast<double>(sysconf(_SC_CLK_TCK));
    return reading;
}

void Meter::start() { begin_ = read(); }

void Meter::stop() {
    now_ = read();
    now_.seconds -= begin_.seconds;
    now_.server -= begin_.server;
    now_.own -= begin_.own;
    now_.machine -= begin_.machine;
}

double Meter::others_percent() const {
    const double others = now_.machine - now_.server - now_.own;
    return others > 0 ? others / now_.seconds * 100 : 0;
}

}   // namespace grid::bench
