"""Records the kernel's own netlink messages, for Tests/NetlinkTests/recordings. Runs inside the emulated host as root:

    Tests/lab/lab put Tests/lab/vfpoollab.py /root/vfpoollab.py
    Tests/lab/lab put Tests/lab/record.py /root/record.py
    Tests/lab/lab sh 'cd /root && python3 record.py' | tar -x -C Tests/NetlinkTests/recordings

A recording is text: comments behind “#”, and the message's octets in hexadecimal. “00*26” is 26 times the same. PFs with
hundreds of VFs say the same hundreds of times, so only the first VF (IFLA_VF_INFO) is written out:

    index 8 84 100   from here on VFs follow, and these are the offsets in them where the VF's index stands, 32 bits
    + *200           200 VFs, each as the one before but for its index, which is one higher
    + 12:5254 44:01  one VF, likewise, which has these octets at these offsets besides
    end              behind the last VF
"""

import io
import socket
import struct
import tarfile

from vfpoollab import *

RTM_NEWLINK, RTM_GETLINK, NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 16, 18, 1, 0x300, 2, 3
IFLA_IFNAME, IFLA_NUM_VF, IFLA_VFINFO_LIST, IFLA_EXT_MASK = 3, 21, 22, 29
RTEXT_FILTER_VF, RTEXT_FILTER_SKIP_STATS = 1, 8
COUNTS = (1, 114, 115, 256, 330, 331, 1000)
LINK_NAMES = {
    1: "IFLA_ADDRESS", 2: "IFLA_BROADCAST", 3: "IFLA_IFNAME", 4: "IFLA_MTU", 6: "IFLA_QDISC", 7: "IFLA_STATS",
    13: "IFLA_TXQLEN", 14: "IFLA_MAP", 16: "IFLA_OPERSTATE", 17: "IFLA_LINKMODE", 21: "IFLA_NUM_VF",
    22: "IFLA_VFINFO_LIST", 23: "IFLA_STATS64", 26: "IFLA_AF_SPEC", 27: "IFLA_GROUP", 30: "IFLA_PROMISCUITY",
    31: "IFLA_NUM_TX_QUEUES", 32: "IFLA_NUM_RX_QUEUES", 33: "IFLA_CARRIER", 35: "IFLA_CARRIER_CHANGES",
    36: "IFLA_PHYS_SWITCH_ID", 38: "IFLA_PHYS_PORT_NAME", 39: "IFLA_PROTO_DOWN", 40: "IFLA_GSO_MAX_SEGS",
    41: "IFLA_GSO_MAX_SIZE", 43: "IFLA_XDP", 47: "IFLA_CARRIER_UP_COUNT", 48: "IFLA_CARRIER_DOWN_COUNT",
    50: "IFLA_MIN_MTU", 51: "IFLA_MAX_MTU", 54: "IFLA_PERM_ADDRESS", 56: "IFLA_PARENT_DEV_NAME",
    57: "IFLA_PARENT_DEV_BUS_NAME", 58: "IFLA_GRO_MAX_SIZE", 59: "IFLA_TSO_MAX_SIZE", 60: "IFLA_TSO_MAX_SEGS",
    61: "IFLA_ALLMULTI", 62: "IFLA_DEVLINK_PORT", 63: "IFLA_GSO_IPV4_MAX_SIZE", 64: "IFLA_GRO_IPV4_MAX_SIZE",
    65: "IFLA_DPLL_PIN"}
VF_NAMES = {
    1: "IFLA_VF_MAC", 2: "IFLA_VF_VLAN", 3: "IFLA_VF_TX_RATE", 4: "IFLA_VF_SPOOFCHK", 5: "IFLA_VF_LINK_STATE",
    6: "IFLA_VF_RATE", 7: "IFLA_VF_RSS_QUERY_EN", 8: "IFLA_VF_STATS", 9: "IFLA_VF_TRUST", 12: "IFLA_VF_VLAN_LIST",
    13: "IFLA_VF_BROADCAST"}


def link_messages(mask, dump, index=0):
    """The kernel's answers as bytes, one each: of all links, or of the one with this index."""
    request = struct.pack("=IHHII BxHiII HHI", 40, RTM_GETLINK, NLM_F_REQUEST | (NLM_F_DUMP if dump else 0), 1, 0,
                          0, 0, index, 0, 0, 8, IFLA_EXT_MASK, mask)
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(request)
        while True:
            datagram = netlink.recv(1 << 20)
            offset = 0
            while offset < len(datagram):
                length, kind = struct.unpack_from("=IH", datagram, offset)
                message = datagram[offset:offset + length]
                if kind == NLMSG_ERROR:
                    fail(f"rtnetlink: error {struct.unpack_from('=i', message, 16)[0]}")
                if kind == NLMSG_DONE:
                    return found
                found.append(message)
                if not dump:
                    return found
                offset += length + 3 & ~3


def attributes(message, start, end):
    """Type, header's offset and end of each attribute, padding included."""
    while end - start >= 4:
        length, kind = struct.unpack_from("=HH", message, start)
        if length < 4:
            return
        following = min(end, start + (length + 3 & ~3))
        yield kind & 0x3FFF, start, following
        start = following


def octets(data):
    """Two digits each; four or more equal ones as “00*26”."""
    words = []
    for run in re.finditer(rb"(.)\1*", data, re.S):
        octet, count = f"{run[1][0]:02x}", len(run[0])
        words += [f"{octet}*{count}"] if count > 3 else [octet] * count
    return " ".join(words)


def following(infos):
    """The lines of all VFs but the first."""
    first = infos[0]
    if len(infos) == 1:
        return
    places = [place for place in range(8, len(first) - 3)
              if all(info[place:place + 4] == struct.pack("=I", number) for number, info in enumerate(infos))]
    yield "index " + " ".join(map(str, places))
    same = 0
    for number in range(1, len(infos)):
        expected = bytearray(infos[number - 1])
        for place in places:
            expected[place:place + 4] = struct.pack("=I", number)
        check(len(expected) == len(infos[number]), f"VF {number} has another length than the one before")
        patches = differences(expected, infos[number])
        if patches:
            if same:
                yield f"+ *{same}"
            yield f"+{patches}  # VF {number}"
            same = 0
        else:
            same += 1
    if same:
        yield f"+ *{same}"
    yield "end"


def differences(expected, found):
    parts, place = "", 0
    while place < len(found):
        end = place
        while end < len(found) and found[end] != expected[end]:
            end += 1
        if end > place:
            parts += f" {place}:{found[place:end].hex()}"
        place = end + 1
    return parts


def checksum(data):
    """FNV-1a, 64 bits: the reader's way to see that it has the recorded octets."""
    value = 0xCBF29CE484222325
    for octet in data:
        value = (value ^ octet) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def annotated(message):
    """The lines of one link's message."""
    yield f"checksum {checksum(message):016x}"
    yield f"{octets(message[:16])}  # nlmsghdr: length {len(message)}, RTM_NEWLINK"
    yield f"{octets(message[16:32])}  # ifinfomsg"
    count, offset = 0, 32
    while offset < len(message):
        kind, start, end = next(attributes(message, offset, len(message)))
        name = LINK_NAMES.get(kind, f"attribute {kind}")
        if kind != IFLA_VFINFO_LIST:
            count = struct.unpack_from("=I", message, start + 4)[0] if kind == IFLA_NUM_VF else count
            yield f"{octets(message[start:end])}  # {name}"
            offset = end
            continue
        # The list's 16-bit length may have wrapped: its VFs are counted instead.
        stated = struct.unpack_from("=H", message, start)[0]
        offset, infos = start + 4, []
        for _ in range(count):
            length = struct.unpack_from("=H", message, offset)[0]
            infos.append(message[offset:offset + length])
            offset += length
        real = offset - start
        wrap = "" if real == stated else f", wrapped: it is {real} long"
        yield f"{octets(message[start:start + 4])}  # {name}, {stated} long{wrap}"
        yield f"{octets(infos[0][:4])}  # IFLA_VF_INFO"
        for inner, begin, finish in attributes(infos[0], 4, len(infos[0])):
            yield f"  {octets(infos[0][begin:finish])}  # {VF_NAMES.get(inner, f'attribute {inner}')}"
        yield from following(infos)


def counted(pf, count):
    """Something to tell VFs by, in some of them: the last VF, and those around the places where the length may wrap."""
    for index in sorted({0, 34, 113, 114, 221, 222, 333, 334, 668, 669, count - 1}):
        if index < count:
            run("ip", "link", "set", pf, "vf", str(index), "mac", f"52:54:00:00:{index >> 8:02x}:{index & 255:02x}")


def add(archive, name, what, lines):
    text = "\n".join([f"# {what}", *lines]) + "\n"
    entry = tarfile.TarInfo(name + ".txt")
    entry.size = len(text.encode())
    archive.addfile(entry, io.BytesIO(text.encode()))


def record(archive, pf, label):
    kernel = os.uname().release
    for statistics in (False, True):
        mask = RTEXT_FILTER_VF | (0 if statistics else RTEXT_FILTER_SKIP_STATS)
        index = int(read(f"/sys/class/net/{pf}/ifindex"))
        message, = link_messages(mask, False, index)
        suffix = "-statistics" if statistics else ""
        what = f"{label}, {'with' if statistics else 'without'} statistics, Linux {kernel}"
        add(archive, label.replace(" ", "-") + suffix, what, annotated(message))


def main():
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        for count in COUNTS:
            pf = netdevsim(count, number=90)
            try:
                counted(pf, count)
                record(archive, pf, f"netdevsim {count}")
            finally:
                write("/sys/bus/netdevsim/del_device", 90)
        pf = PFS[0]
        earlier = vf_count(pf)
        set_vf_count(pf, VFS_A_PF)
        run("ip", "link", "set", pf, "vf", "3", "mac", "52:54:00:00:03:01", "vlan", "42", "qos", "3")
        run("ip", "link", "set", pf, "vf", "5", "trust", "on", "spoofchk", "off", "max_tx_rate", "500")
        record(archive, pf, "igb 7")
        # New VFs, as they come: what was set is gone with the old ones.
        set_vf_count(pf, 0)
        set_vf_count(pf, earlier)
        dump = link_messages(RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS, True)
        print(f"{len(dump)} links in a dump", file=sys.stderr)


main()
