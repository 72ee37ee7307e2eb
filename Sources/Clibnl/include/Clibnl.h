#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

// libnl maps errno values to fewer codes of its own; these calls keep the errno.

/// Opens a socket to a netlink family (NETLINK_ROUTE …) that asks for the kernel's error texts. Returns 0, or -errno; free
/// with nl_socket_free.
int clibnl_open(struct nl_sock **socket, int family);

/// Sends completed messages, one behind the other and each padded to NLMSG_ALIGNTO. Returns 0, or -errno.
int clibnl_send(struct nl_sock *socket, void *bytes, size_t length);

/// Receives one datagram from the kernel, however long, into `bytes`, which grows where its `capacity` is too little.
/// Returns the datagram's length, or -errno; free `bytes` with free in the end.
ssize_t clibnl_receive(struct nl_sock *socket, unsigned char **bytes, size_t *capacity);
