#pragma once

#include <stddef.h>
#include <stdint.h>

/// Opens a socket to rtnetlink with the buffer that vfpool's has. Returns its descriptor, or -errno.
int syscalls_open(void);

/// Has every link with its VFs listed, and receives the answer datagram by datagram, each after a peek at its length; looks
/// at nothing but where the answer ends. Returns how many bytes came, or -errno.
long syscalls_dump(int socket, uint32_t ext_mask);
