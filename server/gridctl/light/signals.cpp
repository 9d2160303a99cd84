// server/gridctl/light/signals.cpp: see server/gridctl/light/signals.hpp.
#include "server/gridctl/light/signals.hpp"

#include <unistd.h>

#include <csignal>

#include "server/gridctl/exit_code.hpp"

namespace grid::gridctl::light {

namespace {

volatile std::sig_atomic_t interruptions = 0;

extern "C" void note_interruption(int) {
    if (interruptions != 0) ::_exit(static_cast<int>(Exit::Interrupted));
    interruptions = 1;
}

}   // namespace

void watch_signals() {
    struct sigaction action{};
    action.sa_handler = note_interruption;
    sigemptyset(&action.sa_mask);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

bool is_interrupted() { return interruptions != 0; }

}   // namespace grid::gridctl::light
