// Features of a CPU by the names that /proc/cpuinfo gives them: whether this one reports them, and
// an instruction of theirs to see whether it runs. What levels are made of (isa.h).
#pragma once

#include <string_view>

namespace bitnet {

// Whether CPU and operating system report all of them (space-separated): CPUID and XCR0, HWCAP.
bool reports_features(std::string_view features);

// Executes the instructions that are known of these features. False: none is, which proves nothing.
// For a child process that exits right after: an instruction that is not there ends it, and
// registers are not kept. Calls only what a signal handler may.
bool execute_features(std::string_view features);

}  // namespace bitnet
