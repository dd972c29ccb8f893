#!/usr/bin/python3
"""What a station and a peer of the gateway in examples/ipsec send, and whether they get what they should.

usage: captures.py make|check DIR

`make` writes DIR/clear.pcap and DIR/cipher.pcap, which a run plays into the gateway's two NICs; `check` reads
DIR/fm1-10g0.pcap and DIR/fm2-10g0.pcap, which the NICs sent. Needs scapy.
"""
import os
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import ARP, Ether
from scapy.utils import rdpcap, wrpcap

what, directory = sys.argv[1:]
keys = f"{os.path.dirname(os.path.abspath(__file__))}/keys"
STATION, PEER = "02:00:00:00:00:07", "02:00:00:00:00:02"
# The gateway's, of the last 32 bits of the first address on each way.
CLEAR, CIPHER = "02:00:0a:01:00:01", "02:00:c0:00:02:01"
COUNT = 20


def key(name):
    return bytes.fromhex(open(f"{keys}/{name}.key").read())


def association(version, to_peer):
    key_bytes = key(f"ipv{version}-{'out' if to_peer else 'in'}")
    ends = {4: ["192.0.2.1", "192.0.2.2"], 6: ["2001:db8::1", "2001:db8::2"]}[version]
    source, destination = ends if to_peer else reversed(ends)
    header = {4: IP, 6: IPv6}[version](src=source, dst=destination)
    spi = {4: 0x1001, 6: 0x1002}[version] + (0 if to_peer else 0x1000)
    if version == 4:
        return SecurityAssociation(ESP, spi=spi, crypt_algo="AES-GCM", crypt_key=key_bytes, tunnel_header=header,
                                   esn_en=True, esn=0)
    return SecurityAssociation(ESP, spi=spi, crypt_algo="AES-CBC", crypt_key=key_bytes[:16],
                               auth_algo="SHA2-256-128", auth_key=key_bytes[16:], tunnel_header=header)


def packets(version, to_peer, ttl=64):
    """Packets of all lengths of padding, and long ones."""
    here, there = {4: ("10.1.0.7", "10.2.0.9"), 6: ("fd00:1::7", "fd00:2::9")}[version]
    source, destination = (here, there) if to_peer else (there, here)
    for number in range(COUNT):
        data = bytes((number * 7 + n) & 0xFF for n in range(number if number < 16 else number * 70))
        header = IP(src=source, dst=destination, ttl=ttl) if version == 4 else \
            IPv6(src=source, dst=destination, hlim=ttl)
        # Built, so that lengths and checksums stand there.
        yield type(header)(bytes(header / UDP(sport=1000 + number, dport=7) / data))


def make():
    frames = [
        Ether(src=STATION, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=STATION, psrc="10.1.0.7", pdst="10.1.0.1"),
        Ether(src=STATION, dst=CLEAR) / IPv6(src="fd00:1::7", dst="fd00:1::1", hlim=255)
        / ICMPv6ND_NS(tgt="fd00:1::1") / ICMPv6NDOptSrcLLAddr(lladdr=STATION),
    ]
    frames += [Ether(src=STATION, dst=CLEAR) / p for version in (4, 6) for p in packets(version, True)]
    wrpcap(f"{directory}/clear.pcap", frames)
    frames = [
        Ether(src=PEER, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER, psrc="192.0.2.2", pdst="192.0.2.1"),
        Ether(src=PEER, dst=CIPHER) / IPv6(src="2001:db8::2", dst="2001:db8::1", hlim=255)
        / ICMPv6ND_NS(tgt="2001:db8::1") / ICMPv6NDOptSrcLLAddr(lladdr=PEER),
    ]
    for version in (4, 6):
        tunnel = association(version, False)
        sealed = [tunnel.encrypt(p, seq_num=n + 1) for n, p in enumerate(packets(version, False))]
        frames += [Ether(src=PEER, dst=CIPHER) / p for p in sealed]
        # One that was there already, and one that was changed on its way.
        frames.append(Ether(src=PEER, dst=CIPHER) / sealed[-1])
        changed = bytearray(bytes(tunnel.encrypt(next(packets(version, False)), seq_num=COUNT + 1)))
        changed[-20] ^= 1
        frames.append(Ether(src=PEER, dst=CIPHER) / type(sealed[0])(bytes(changed)))
    # In clear, from where only what is enciphered may come.
    frames.append(Ether(src=PEER, dst=CIPHER) / next(packets(4, False)))
    wrpcap(f"{directory}/cipher.pcap", frames)


def check():
    def sent(name):
        return [f for f in rdpcap(f"{directory}/{name}.pcap")]

    for version, kind in ((4, IP), (6, IPv6)):
        tunnel = association(version, True)
        opened = []
        for frame in sent("fm2-10g0"):
            if kind not in frame or ESP not in frame:
                continue
            assert (frame.src, frame.dst) == (CIPHER, PEER), f"{frame.src} to {frame.dst}"
            if version == 4:
                checked = frame[IP].copy()
                del checked.chksum
                assert IP(bytes(checked)).chksum == frame[IP].chksum, "the outer checksum is wrong"
            assert frame[ESP].seq == len(opened) + 1, f"{frame[ESP].seq} after {len(opened)}"
            opened.append(bytes(tunnel.decrypt(frame[kind])))
        assert opened == [bytes(p) for p in packets(version, True, ttl=63)], f"IPv{version} to the peer"
        clear = [f for f in sent("fm1-10g0") if kind in f and UDP in f]
        assert all((f.src, f.dst) == (CLEAR, STATION) for f in clear), "the MAC addresses in clear"
        # Short frames were filled up.
        expected = [bytes(p) for p in packets(version, False, ttl=63)]
        got = [bytes(f[kind])[:len(e)] for f, e in zip(clear, expected)]
        assert len(clear) == COUNT and got == expected, f"IPv{version} from the peer: {len(clear)}"
    in_clear = [f for f in sent("fm2-10g0") if UDP in f]
    assert not in_clear, "something left in clear"
    print("scapy agrees")


{"make": make, "check": check}[what]()
