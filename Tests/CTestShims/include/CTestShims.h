// What tests need of the kernel that Swift cannot call.
#pragma once

/// From now on any system call of the calling thread ends the process by SIGSYS. With `may_rest`, it may still
/// yield and sleep. 0 when the kernel has agreed.
int dpaac_test_forbid_system_calls(int may_rest);

/// Has the C library ask the kernel for memory rarely, much at once, and give none back: a build for debugging
/// allocates where one for use does not.
void dpaac_test_keep_memory(void);
