#pragma once
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
