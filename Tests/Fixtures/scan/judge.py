"""Says which frames of a capture a filter is to let pass, and whether another capture holds those.

usage: judge.py IN.pcap OUT.pcap DROP-PATTERN... -- COUNT-PATTERN...

Every direction of a TCP connection is one stream of bytes, put together by its sequence numbers; a frame in which a
match ends is to be gone, and all that follow in its stream. Any other frame stands for itself. Prints JSON.
"""

import json
import re
import struct
import sys
from collections import Counter, defaultdict


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    # With microseconds or nanoseconds.
    assert struct.unpack("<L", data[:4])[0] in (0xA1B2C3D4, 0xA1B23C4D), "a classic capture"
    place = 24
    while place < len(data):
        length = struct.unpack_from("<L", data, place + 8)[0]
        yield data[place + 16 : place + 16 + length]
        place += 16 + length


def read(frame):
    """The flow, the sequence number (None for what is no TCP), and the payload."""
    place, vlan = 12, None
    if frame[12:14] == b"\x81\x00":
        place, vlan = 16, frame[14:16]
    kind = frame[place : place + 2]
    packet = frame[place + 2 :]
    if kind == b"\x08\x00":
        header = (packet[0] & 15) * 4
        number, ends = packet[9], packet[12:20]
        segment = packet[header : int.from_bytes(packet[2:4], "big")]
    elif kind == b"\x86\xdd":
        number, ends = packet[6], packet[8:40]
        segment = packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
    else:
        return (vlan, kind), None, packet
    flow = (vlan, number, ends, segment[:4])
    if number == 6:
        header = (segment[12] >> 4) * 4
        syn = segment[13] >> 1 & 1
        return flow, (int.from_bytes(segment[4:8], "big") + syn) % 2**32, segment[header:]
    return flow, None, segment[8:] if number == 17 else segment


def ends(patterns, data):
    return {match.end() for pattern in patterns for match in pattern.finditer(data)}


def main():
    split = sys.argv.index("--")
    drop, count = ([re.compile(text.encode(), re.S) for text in texts]
                   for texts in (sys.argv[3:split], sys.argv[split + 1 :]))
    streams, starts, gone = defaultdict(bytes), {}, set()
    expected, noted, dropped, across = defaultdict(list), 0, 0, 0
    for frame in frames(sys.argv[1]):
        flow, sequence, payload = read(frame)
        before, after = b"", payload
        if sequence is not None:
            if flow in gone:
                dropped += 1
                continue
            start = starts.setdefault(flow, sequence)
            before = streams[flow]
            fresh = len(before) - (sequence - start) % 2**32
            assert fresh >= 0, "the capture has no holes"
            after = before + payload[fresh:]
            streams[flow] = after
        news = {end for end in ends(drop, after) if end > len(before)}
        if news:
            dropped += 1
            across += not ends(drop, payload)
            gone.add(flow) if sequence is not None else None
            continue
        noted += any(end > len(before) for end in ends(count, after))
        expected[flow].append(frame)
    found = defaultdict(list)
    for frame in frames(sys.argv[2]):
        found[read(frame)[0]].append(frame)
    # All of them, in their order; but what was sent again may be behind what came meanwhile.
    wrong = [repr(flow) for flow in {**expected, **found}
             if Counter(expected[flow]) != Counter(found[flow])
             or list(dict.fromkeys(expected[flow])) != list(dict.fromkeys(found[flow]))]
    print(json.dumps({
        "passed": sum(map(len, expected.values())), "dropped": dropped, "noted": noted,
        "across": across, "streams": len(streams), "wrong": wrong,
    }))


main()
