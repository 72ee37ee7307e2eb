#include "Syscalls.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

int syscalls_open(void) {
  int opened = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), size = 1 << 20;
  if (opened < 0) return -errno;
  setsockopt(opened, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return opened;
}

long syscalls_dump(int socket, uint32_t ext_mask) {
  static char *buffer;
  static size_t capacity;
  static uint32_t sequence;
  struct {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr attribute;
    uint32_t mask;
  } request = {
    .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
               .nlmsg_seq = ++sequence},
    .attribute = {.rta_len = RTA_LENGTH(sizeof ext_mask), .rta_type = IFLA_EXT_MASK},
    .mask = ext_mask};
  if (send(socket, &request, sizeof request, 0) < 0) return -errno;
  for (long total = 0;;) {
    ssize_t length = recv(socket, NULL, 0, MSG_PEEK | MSG_TRUNC);
    if (length > 0 && (size_t)length > capacity) {
      buffer = realloc(buffer, (size_t)length);
      capacity = (size_t)length;
    }
    if (length > 0) length = recv(socket, buffer, capacity, 0);
    if (length <= 0) return -errno;
    total += length;
    int left = (int)length;
    for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK(header, (unsigned)left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_ERROR) return -EPROTO;
      if (header->nlmsg_type == NLMSG_DONE) return total;
    }
  }
}
