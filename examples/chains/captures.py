#!/usr/bin/python3
"""What comes to the two NICs in examples/chains, and whether they send what they should.

usage: captures.py make DIR
       captures.py check DIR FAR

`make` writes DIR/near.pcap and DIR/far.pcap, which a run plays into the NICs; `check` reads what they sent:
DIR/fm1-10g0.pcap and, of the NIC towards the peer, DIR/FAR.pcap. Needs scapy.
"""
import os
import re
import sys

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap

what, directory = sys.argv[1:3]
keys = f"{os.path.dirname(os.path.abspath(__file__))}/keys"
STATION, PEER, SERVER = "02:00:00:00:00:07", "02:00:00:00:00:02", "02:00:00:00:00:50"
# The gateway's, as the plan says.
NEAR, FAR = "02:00:0a:01:00:01", "02:00:c0:00:02:01"
COUNT = 40
PATTERNS = rb"/etc/(passwd|shadow)|(?i:cmd\.exe)"


def association(to_peer):
    key = bytes.fromhex(open(f"{keys}/{'out' if to_peer else 'in'}.key").read())
    ends = ("192.0.2.1", "192.0.2.2") if to_peer else ("192.0.2.2", "192.0.2.1")
    return SecurityAssociation(ESP, spi=0x1001 if to_peer else 0x2001, crypt_algo="AES-GCM", crypt_key=key,
                               tunnel_header=IP(src=ends[0], dst=ends[1]))


def packets(to_peer):
    """Packets of all lengths of padding, and long ones."""
    ends = ("10.1.0.7", "10.2.0.9") if to_peer else ("10.2.0.9", "10.1.0.7")
    for number in range(COUNT):
        data = bytes((number * 7 + n) & 0xFF for n in range(number if number < 20 else number * 35))
        # Built, so that lengths and checksums stand there.
        yield IP(bytes(IP(src=ends[0], dst=ends[1]) / UDP(sport=1000 + number, dport=7) / data))


def requests():
    """Requests to web servers, of which some have what PME looks for."""
    for number in range(30):
        path = ["/index.html", "/etc/hosts", "/../etc/passwd", "/a/CMD.exe?x", "/etc/shadow"][number % 5]
        text = f"GET {path} HTTP/1.1\r\nHost: {'w' * (number * 9)}\r\n\r\n"
        yield Ether(src=STATION, dst=SERVER) / IP(src="10.1.0.7", dst="198.51.100.80") / \
            TCP(sport=2000 + number, dport=80, seq=1, flags="PA") / text


def answers():
    for number in range(10):
        yield Ether(src=SERVER, dst=STATION) / IP(src="198.51.100.80", dst="10.1.0.7") / \
            TCP(sport=80, dport=2000 + number, seq=1, flags="PA") / f"HTTP/1.1 200 OK\r\n\r\n{number}"


def make():
    wrpcap(f"{directory}/near.pcap", [Ether(src=STATION, dst=NEAR) / p for p in packets(True)] + list(requests()))
    tunnel = association(False)
    sealed = [tunnel.encrypt(p, seq_num=n + 1) for n, p in enumerate(packets(False))]
    # One that was there already, and one that was changed on its way.
    changed = bytearray(bytes(tunnel.encrypt(next(packets(False)), seq_num=COUNT + 1)))
    changed[-20] ^= 1
    sealed += [sealed[-1], IP(bytes(changed))]
    wrpcap(f"{directory}/far.pcap", [Ether(src=PEER, dst=FAR) / p for p in sealed] + list(answers()))


def check():
    near, far = ([Ether(bytes(f)) for f in rdpcap(f"{directory}/{name}.pcap")] for name in ("fm1-10g0", sys.argv[3]))
    tunnel = association(True)
    sealed = [f for f in far if ESP in f]
    assert all((f.src, f.dst) == (FAR, PEER) for f in sealed), "the MAC addresses towards the peer"
    assert [f[ESP].seq for f in sealed] == list(range(1, COUNT + 1)), "the sequence numbers"
    for frame in sealed:
        checked = frame[IP].copy()
        del checked.chksum
        assert IP(bytes(checked)).chksum == frame[IP].chksum, "the outer checksum is wrong"
    opened = [bytes(tunnel.decrypt(f[IP])) for f in sealed]
    assert opened == [bytes(p) for p in packets(True)], "what the peer deciphers"
    clear = [f for f in near if UDP in f]
    assert all((f.src, f.dst) == (NEAR, STATION) for f in clear), "the MAC addresses in clear"
    # Short frames were filled up.
    expected = [bytes(p) for p in packets(False)]
    assert len(clear) == COUNT and all(bytes(f[IP]).startswith(e) for f, e in zip(clear, expected)), \
        f"what comes out of the tunnel: {len(clear)}"
    passed = [bytes(f) for f in requests() if not re.search(PATTERNS, bytes(f))]
    assert [bytes(f) for f in far if TCP in f] == passed and 0 < len(passed) < 30, "what the filter lets pass"
    assert [bytes(f) for f in near if TCP in f] == [bytes(f) for f in answers()], "what the servers answer"
    assert len(far) == COUNT + len(passed) and len(near) == COUNT + 10, "something else was sent"
    print("scapy agrees")


{"make": make, "check": check}[what]()
