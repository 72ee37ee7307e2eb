#include "Clibnl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static int last_errno(void) { return errno ? -errno : -EIO; }

int clibnl_open(struct nl_sock **socket) {
  struct nl_sock *opened = nl_socket_alloc();
  if (!opened) return -ENOMEM;
  errno = 0;
  if (nl_connect(opened, NETLINK_ROUTE) < 0) {
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
  // A message of a PF with many VFs is longer than any fixed buffer.
  nl_socket_enable_msg_peek(opened);
  *socket = opened;
  return 0;
}

int clibnl_send(struct nl_sock *socket, struct nl_msg *message) {
  errno = 0;
  return nl_send_auto(socket, message) < 0 ? last_errno() : 0;
}

int clibnl_send_bytes(struct nl_sock *socket, void *bytes, size_t length) {
  errno = 0;
  return nl_sendto(socket, bytes, length) < 0 ? last_errno() : 0;
}

ssize_t clibnl_receive(struct nl_sock *socket, unsigned char **bytes) {
  for (;;) {
    struct sockaddr_nl sender = {0};
    errno = 0;
    int length = nl_recv(socket, &sender, bytes, NULL);
    if (length < 0) return last_errno();
    if (length == 0) return -EIO;
    // Any process may send to a netlink socket; port 0 is the kernel.
    if (sender.nl_pid == 0) return length;
    free(*bytes);
    *bytes = NULL;
  }
}
