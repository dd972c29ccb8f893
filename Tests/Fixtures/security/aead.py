#!/usr/bin/python3
"""Enciphers and authenticates data by OpenSSL, through Python's cryptography and its own hmac.

usage: aead.py

Reads a line for each request: gcm or cbc, the key, the hash's key, the vector, what is authenticated only, the
text and the tag's length; all but the first and the last in hexadecimal, and - for nothing. Writes the
enciphered text with its tag.
"""
import hashlib
import hmac
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

for line in sys.stdin:
    kind, *words, length = line.split()
    key, hash_key, vector, associated, text = (bytes.fromhex(word.strip("-")) for word in words)
    if kind == "gcm":
        encryptor = Cipher(algorithms.AES(key), modes.GCM(vector)).encryptor()
        encryptor.authenticate_additional_data(associated)
        sealed = encryptor.update(text) + encryptor.finalize()
        tag = encryptor.tag
    else:
        encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        sealed = encryptor.update(text) + encryptor.finalize()
        tag = hmac.new(hash_key, associated + sealed, hashlib.sha256).digest()
    print((sealed + tag[:int(length)]).hex())
