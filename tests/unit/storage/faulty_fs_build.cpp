// tests/unit/storage/faulty_fs_build.cpp: compiles the faulty file system into this test program.
#include "../../support/faulty_fs.cpp"
#include "../../support/faulty_fs_names.cpp"
