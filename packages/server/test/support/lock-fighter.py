"""A client of libiscsi that counts under a lock: `lock-fighter.py <portal> <target> <lun> <id> <rounds>`.

The lock is block 0 (0: free, else the id of its holder), taken and given back by COMPARE AND WRITE; the counter is
block 1, read and written in between. Prints how many rounds it did.
"""

import ctypes
import ctypes.util
import sys

BLOCK = 512
GOOD, CHECK_CONDITION = 0, 2
SESSION_NORMAL = 2
HEADER_DIGEST_NONE = 0
MAX_TRIES = 1_000_000

lib = ctypes.CDLL(ctypes.util.find_library("iscsi") or "libiscsi.so.7")
lib.iscsi_create_context.restype = ctypes.c_void_p
lib.iscsi_get_error.restype = ctypes.c_char_p
for name in ("iscsi_compareandwrite_sync", "iscsi_read16_sync", "iscsi_write16_sync", "iscsi_testunitready_sync"):
    getattr(lib, name).restype = ctypes.c_void_p
lib.scsi_free_scsi_task.argtypes = [ctypes.c_void_p]


class DataIn(ctypes.Structure):
    _fields_ = [("size", ctypes.c_int), ("data", ctypes.POINTER(ctypes.c_ubyte))]


class Task(ctypes.Structure):
    """The beginning of `struct scsi_task`: its first members have not changed for ten years."""

    _fields_ = [
        ("status", ctypes.c_int),
        ("cdb_size", ctypes.c_int),
        ("xfer_dir", ctypes.c_int),
        ("expxferlen", ctypes.c_int),
        ("cdb", ctypes.c_ubyte * 16),
        ("residual_status", ctypes.c_int),
        ("residual", ctypes.c_size_t),
        ("sense", ctypes.c_ubyte * 24),
    ]


def status_of(task):
    if not task:
        sys.exit("no task: " + lib.iscsi_get_error(ctypes.c_void_p(context)).decode())
    status = ctypes.cast(task, ctypes.POINTER(Task)).contents.status
    lib.scsi_free_scsi_task(task)
    return status


def block_of(number):
    return number.to_bytes(8, "big") * (BLOCK // 8)


def swap(found, next_one):
    data = block_of(found) + block_of(next_one)
    task = lib.iscsi_compareandwrite_sync(
        ctypes.c_void_p(context), lun, ctypes.c_uint64(0), data, len(data), BLOCK, 0, 0, 0, 0
    )
    return status_of(task)


portal, target, lun, own, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
context = lib.iscsi_create_context(f"iqn.2026-11.io.lunbox:fighter-{own}".encode())
ctx = ctypes.c_void_p(context)
lib.iscsi_set_targetname(ctx, target.encode())
lib.iscsi_set_session_type(ctx, SESSION_NORMAL)
lib.iscsi_set_header_digest(ctx, HEADER_DIGEST_NONE)
if lib.iscsi_full_connect_sync(ctx, portal.encode(), lun) != 0:
    sys.exit("login: " + lib.iscsi_get_error(ctx).decode())

buffer = ctypes.create_string_buffer(BLOCK)


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def read_counter():
    vector = Iovec(ctypes.cast(buffer, ctypes.c_void_p), BLOCK)
    lib.iscsi_read16_iov_sync.restype = ctypes.c_void_p
    task = lib.iscsi_read16_iov_sync(
        ctx, lun, ctypes.c_uint64(1), BLOCK, BLOCK, 0, 0, 0, 0, 0, ctypes.byref(vector), 1
    )
    if status_of(task) != GOOD:
        sys.exit("READ fails")
    return int.from_bytes(buffer.raw[:8], "big")


for done in range(rounds):
    for attempt in range(MAX_TRIES):
        status = swap(0, own)
        if status == GOOD:
            break
        if status != CHECK_CONDITION:
            sys.exit(f"COMPARE AND WRITE: status {status}")
    else:
        sys.exit("the lock is never free")
    data = block_of(read_counter() + 1)
    if status_of(lib.iscsi_write16_sync(ctx, lun, ctypes.c_uint64(1), data, BLOCK, BLOCK, 0, 0, 0, 0, 0)) != GOOD:
        sys.exit("WRITE fails")
    if swap(own, 0) != GOOD:
        sys.exit("the lock was somebody else's")
print(rounds)
