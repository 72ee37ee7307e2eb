#include "Clibnl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static int last_errno(void) { return errno ? -errno : -EIO; }

int clibnl_open(struct nl_sock **socket, int family) {
  struct nl_sock *opened = nl_socket_alloc();
  if (!opened) return -ENOMEM;
  errno = 0;
  if (nl_connect(opened, family) < 0) {
    int error = last_errno();
    nl_socket_free(opened);
    return error;
  }
  int fd = nl_socket_get_fd(opened), on = 1;
  // Before Linux 4.12 there are no error texts; everything else works without.
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  // The kernel answers while it is asked; this only keeps a lost answer from blocking for ever.
  struct timeval limit = {.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  nl_socket_set_buffer_size(opened, 1 << 20, 1 << 16);
  *socket = opened;
  return 0;
}

int clibnl_send(struct nl_sock *socket, void *bytes, size_t length) {
  errno = 0;
  return nl_sendto(socket, bytes, length) < 0 ? last_errno() : 0;
}

ssize_t clibnl_receive(struct nl_sock *socket, unsigned char **bytes, size_t *capacity) {
  int fd = nl_socket_get_fd(socket);
  for (;;) {
    struct sockaddr_nl sender = {0};
    socklen_t sender_length = sizeof sender;
    // A message of a PF with many VFs is longer than any fixed buffer.
    ssize_t length = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
    if (length > 0 && (size_t)length > *capacity) {
      unsigned char *larger = realloc(*bytes, (size_t)length);
      if (!larger) return -ENOMEM;
      *bytes = larger;
      *capacity = (size_t)length;
    }
    if (length > 0) length = recvfrom(fd, *bytes, *capacity, 0, (struct sockaddr *)&sender, &sender_length);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return -errno;
    if (length == 0) return -EIO;
    // Any process may send to a netlink socket; port 0 is the kernel.
    if (sender.nl_pid == 0) return length;
  }
}
