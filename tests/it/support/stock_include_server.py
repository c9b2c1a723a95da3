"""Runs the include server of the C distcc 3.4 where Python is 3.10 or later.

Its extension in C ends it at the first request there, for it was built without PY_SSIZE_T_CLEAN.
This puts functions of the same names in the extension's place, and leaves all else as it is.

Usage: stock_include_server.py [OPTION...], with the options of the include server.
"""

import ctypes
import importlib
import os
import runpy
import sys
import types


def receive(descriptor, length):
    data = b""
    while len(data) < length:
        part = os.read(descriptor, length - len(data))
        if not part:
            raise Error("the client hung up")
        data += part
    return data


def receive_number(descriptor, token):
    packet = receive(descriptor, 12)
    if packet[:4] != token:
        raise Error(f"{packet[:4]} in place of {token}")
    return int(packet[4:], 16)


def receive_text(descriptor, token):
    return os.fsdecode(receive(descriptor, receive_number(descriptor, token)))


def receive_words(descriptor):
    count = receive_number(descriptor, b"ARGC")
    return [receive_text(descriptor, b"ARGV") for _ in range(count)]


def send_words(descriptor, words):
    data = b"ARGC%08x" % len(words)
    for word in map(os.fsencode, words):
        data += b"ARGV%08x" % len(word) + word
    while data:
        data = data[os.write(descriptor, data):]


def compress(text):
    # What was read as Latin-1 is bytes.
    text = text.encode("latin-1")
    out = ctypes.create_string_buffer(len(text) + len(text) // 16 + 67)
    length = ctypes.c_size_t()
    memory = ctypes.create_string_buffer(1 << 17)
    if LZO.lzo1x_1_compress(text, ctypes.c_size_t(len(text)), out, ctypes.byref(length), memory):
        raise Error("LZO fails")
    return out.raw[:length.value]


class Error(Exception):
    pass


LZO = ctypes.CDLL("liblzo2.so.2")
EXTENSION = types.ModuleType("distcc_pump_c_extensions")
EXTENSION.Error = Error
EXTENSION.OsPathExists = os.path.exists
EXTENSION.OsPathIsFile = os.path.isfile
EXTENSION.Realpath = os.path.realpath
EXTENSION.RCwd = lambda descriptor: receive_text(descriptor, b"CDIR")
EXTENSION.RArgv = receive_words
EXTENSION.XArgv = send_words
EXTENSION.CompressLzo1xAlloc = compress
sys.modules[EXTENSION.__name__] = EXTENSION

# A package of no name of its own: the directory that holds the server's modules.
directory = list(importlib.import_module("include_server").__path__)[0]
sys.path.insert(0, directory)
runpy.run_path(os.path.join(directory, "include_server.py"), run_name="__main__")
