#!/usr/bin/python3
"""Puts IPv4 packets into an ESP tunnel, or takes them out of one, by scapy.

usage: esp.py seal|open|NEXT gcm|cbc KEY AUTHENTICATION-KEY EXTENDED

NEXT is a number: what is put in is any bytes then, and said to be of that protocol.
Reads a line for each packet, its number and its bytes in hexadecimal, and writes the outcome's.
"""
import hashlib
import hmac
import sys

from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP, SecurityAssociation

what, kind, key, authentication, extended = sys.argv[1:]
options = {"esn_en": extended == "1"}
if kind == "cbc":
    options.update(auth_algo="SHA2-256-128", auth_key=bytes.fromhex(authentication))

# scapy leaves the high half of a number out of what a hash of ESP is over (RFC 4303, section 2.2.1): there
# Python's own hmac is the judge.
by_hand = kind == "cbc" and extended == "1"


def tag(packet, number):
    data = packet[20:-16] + (number >> 32).to_bytes(4, "big")
    return hmac.new(bytes.fromhex(authentication), data, hashlib.sha256).digest()[:16]


def sealed_as_said(association, data, next_header):
    """The bytes as they are, where scapy would make the next header, and bytes behind a packet, right."""
    algorithm = association.crypt_algo
    pad = algorithm.pad

    def padded(plain):
        plain.data, plain.nh = data, next_header
        return pad(plain)

    algorithm.pad = padded
    try:
        return association.encrypt(IP(src="10.0.0.1", dst="10.0.0.2"), seq_num=association.seq_num)
    finally:
        algorithm.pad = pad


for line in sys.stdin:
    number, packet = line.split()
    number = int(number)
    association = SecurityAssociation(
        ESP, spi=0x12345678, seq_num=number & 0xFFFFFFFF, esn=number >> 32,
        crypt_algo={"gcm": "AES-GCM", "cbc": "AES-CBC"}[kind], crypt_key=bytes.fromhex(key),
        tunnel_header=IP(src="192.0.2.1", dst="198.51.100.1"), **options)
    if what.isdigit():
        print(bytes(sealed_as_said(association, bytes.fromhex(packet), int(what))).hex())
        continue
    data = IP(bytes.fromhex(packet))
    if what == "seal":
        result = association.encrypt(data, seq_num=number & 0xFFFFFFFF, esn=number >> 32,
                                     esn_en=extended == "1")
        if by_hand:
            sealed = bytes(result)
            result = sealed[:-16] + tag(sealed, number)
    else:
        # A header whose length or checksum is wrong must not be mended on the way.
        assert data.len == len(bytes.fromhex(packet)), "the outer length is wrong"
        checked = IP(bytes(data)[:20])
        del checked.chksum
        assert IP(bytes(checked)).chksum == data.chksum, "the outer checksum is wrong"
        assert data[ESP].spi == 0x12345678 and data[ESP].seq == number & 0xFFFFFFFF
        if by_hand:
            assert tag(bytes.fromhex(packet), number) == bytes.fromhex(packet)[-16:], "the tag is wrong"
        result = association.decrypt(data, verify=not by_hand, esn=number >> 32,
                                     esn_en=extended == "1")
    print(bytes(result).hex())
