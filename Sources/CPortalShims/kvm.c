#include "CPortalShims.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#if defined(__x86_64__)
#include <linux/kvm.h>

// A loop of 10,000 rounds in real mode: 66 49 dec ecx; 75 fc jnz to its beginning; f4 hlt.
static const uint8_t loop[] = {0x66, 0x49, 0x75, 0xfc, 0xf4};
static const uint64_t rounds = 10000;
static const uint64_t start = 0x1000;

/// Runs the loop on a machine's processor: nanoseconds, or minus an error number.
static int64_t run_loop(int processor, size_t size) {
  struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, processor, 0);
  if (run == MAP_FAILED) return -errno;
  struct kvm_sregs special;
  struct kvm_regs registers = {.rip = start, .rflags = 2, .rcx = rounds};
  int64_t result = -EIO;
  if (ioctl(processor, KVM_GET_SREGS, &special) == 0) {
    special.cs.base = 0;
    special.cs.selector = 0;
    if (ioctl(processor, KVM_SET_SREGS, &special) == 0 &&
        ioctl(processor, KVM_SET_REGS, &registers) == 0) {
      uint64_t before = dpaac_monotonic_nanoseconds();
      int status;
      do status = ioctl(processor, KVM_RUN, 0);
      while (status < 0 && errno == EINTR);
      uint64_t after = dpaac_monotonic_nanoseconds();
      if (status < 0) result = -errno;
      else if (run->exit_reason == KVM_EXIT_HLT) result = (int64_t)(after - before);
    }
  }
  munmap(run, size);
  return result;
}

int64_t dpaac_kvm_probe(void) {
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return -errno;
  int64_t result = -EIO;
  int machine = ioctl(kvm, KVM_CREATE_VM, 0);
  void *memory =
      mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (machine >= 0 && memory != MAP_FAILED) {
    memcpy(memory, loop, sizeof loop);
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = start, .memory_size = 0x1000, .userspace_addr = (uintptr_t)memory};
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    int processor = -1;
    if (ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) == 0)
      processor = ioctl(machine, KVM_CREATE_VCPU, 0);
    if (processor >= 0 && size > 0) result = run_loop(processor, (size_t)size);
    if (processor >= 0) close(processor);
  } else if (machine < 0) {
    result = -errno;
  }
  if (memory != MAP_FAILED) munmap(memory, 0x1000);
  if (machine >= 0) close(machine);
  close(kvm);
  return result;
}
#else
int64_t dpaac_kvm_probe(void) {
  // Nobody has written the loop for this processor.
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) return -errno;
  close(kvm);
  return 0;
}
#endif
