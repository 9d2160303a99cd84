// tests/support/main.cpp: Catch2's main, compiled once for all unit test programs.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <csignal>

int main(int argc, char** argv) {
    // Test clients write to connections that the server may have closed; a test that is about the
    // signal sets its own handler.
    std::signal(SIGPIPE, SIG_IGN);
    return Catch::Session().run(argc, argv);
}
