#include "CPortalShims.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>

// Linux 6.1, Documentation/driver-api/vfio.rst, section "VFIO Usage Example", and include/uapi/linux/vfio.h.

int dpaac_vfio_open(const char *container_path, const char *group_path, const char *name) {
  int container = open(container_path, O_RDWR | O_CLOEXEC);
  if (container < 0) return -1;
  int device = -1;
  int group = open(group_path, O_RDWR | O_CLOEXEC);
  struct vfio_group_status status = {.argsz = sizeof status};
  if (group >= 0 && ioctl(container, VFIO_GET_API_VERSION) == VFIO_API_VERSION &&
      ioctl(group, VFIO_GROUP_GET_STATUS, &status) == 0 &&
      (status.flags & VFIO_GROUP_FLAGS_VIABLE) != 0 &&
      ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0 &&
      ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0)
    device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
  if (device < 0) {
    int error = errno;
    if (group >= 0) close(group);
    close(container);
    errno = error;
  }
  return device;
}

int dpaac_vfio_region(int device, uint32_t region, uint64_t *offset, uint64_t *size) {
  struct vfio_region_info information = {.argsz = sizeof information, .index = region};
  if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &information) != 0) return -1;
  *offset = information.offset;
  *size = information.size;
  return 0;
}

int dpaac_vfio_connect(int device, const int32_t *eventfds, uint32_t count) {
  struct vfio_irq_info vectors = {.argsz = sizeof vectors, .index = VFIO_PCI_MSIX_IRQ_INDEX};
  if (ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &vectors) != 0) return -1;
  enum { most = 256 };
  if (count == 0 || count > vectors.count || count > most) {
    errno = EINVAL;
    return -1;
  }
  _Alignas(struct vfio_irq_set) char room[sizeof(struct vfio_irq_set) + most * sizeof *eventfds];
  struct vfio_irq_set *request = (struct vfio_irq_set *)room;
  *request = (struct vfio_irq_set){
      .argsz = (uint32_t)(sizeof *request + count * sizeof *eventfds),
      .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
      .index = VFIO_PCI_MSIX_IRQ_INDEX,
      .count = count,
  };
  memcpy(request->data, eventfds, count * sizeof *eventfds);
  if (ioctl(device, VFIO_DEVICE_SET_IRQS, request) != 0) return -1;
  // An interrupt is a write of the device, which vfio-pci does not allow by itself (Linux 6.1,
  // drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_enable).
  uint64_t configuration, size;
  uint16_t command;
  if (dpaac_vfio_region(device, VFIO_PCI_CONFIG_REGION_INDEX, &configuration, &size) != 0) return -1;
  off_t place = (off_t)configuration + PCI_COMMAND;
  if (pread(device, &command, sizeof command, place) != sizeof command) return -1;
  command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
  return pwrite(device, &command, sizeof command, place) == sizeof command ? 0 : -1;
}
