// server/main.cpp: gridd. Options are read in command_line.cpp, the parts are put together in
// app.cpp.
#include "server/allocator.hpp"
#include "server/command_line.hpp"

int main(int argc, char** argv) {
    grid::server::keep_openssl_memory_apart();
    return grid::server::run_command_line(argc, argv);
}
