// tests/support/gridd_forgetful.cpp: gridd on a disk that forgets: what was not synced lives only
// in this process, so that kill -9 at any moment is a power loss.
#include "faulty_fs.hpp"
#include "server/command_line.hpp"

int main(int argc, char** argv) {
    return grid::server::run_command_line(argc, argv, std::make_shared<grid::test::FaultyFs>());
}
