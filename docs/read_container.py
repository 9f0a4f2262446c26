#!/usr/bin/env python3
"""Reads a Lunbox container. Written from container-format.md alone; needs Python 3.8 and nothing else.

    read_container.py disk.lun                  tells what is in it, as JSON
    read_container.py disk.lun --raw disk.img   copies the disk out, too, with its holes, to a file that must be new

Exit status: 0 = read, 1 = damaged or no container, 2 = needs a newer reader, or wrong usage. It takes no lock: a disk
that is being served is seen as it is at each moment.
"""
import argparse, errno, json, os, struct, sys, uuid, zlib

MIB = 1 << 20
SLOTS = {"A": 65536, "B": 196608}
SLOT_BYTES = 131072
FIELDS_BYTES = 4096
PROTECTION, COMBINED, SNAPSHOTS = 1, 2, 4  # incompatible features: with the second the disk is in other files; a reader may ignore the others
FIELDS = struct.Struct(">8sIIQQIII4xIIII16s16s16s16sQQIIQQQQQII16s64s")
NAMES = """magic version length own_offset sequence crc attributes_length attributes_crc incompatible compatible
    autoclear role identity origin generation write_session capacity data_offset block_size open_state stamp_size
    stamp_modified stamp_inode stamp_born updated pid region_count boot_id host""".split()
REGION = struct.Struct(">IIQQ8x")
REGION_NAMES = {1: "activity log", 2: "grain maps", 3: "protection information"}

class Damaged(Exception):
    pass
class Newer(Exception):
    pass

def checksum(block, at):
    """CRC-32 of a block, with the four bytes of the checksum itself taken as zero."""
    return zlib.crc32(block[:at] + bytes(4) + block[at + 4:])

def read_slot(file, letter):
    """The header in a slot as a dictionary, or a text that says why it does not check out."""
    file.seek(SLOTS[letter])
    slot = file.read(SLOT_BYTES).ljust(SLOT_BYTES, b"\0")
    header = dict(zip(NAMES, FIELDS.unpack_from(slot)))
    if header["magic"] != b"LUNBOX-" + letter.encode():
        return "wrong magic number"
    if header["length"] != FIELDS_BYTES or header["own_offset"] != SLOTS[letter]:
        return "wrong length or place"
    if header["crc"] != checksum(slot[:FIELDS_BYTES], 32):
        return "wrong checksum"
    unknown = header["incompatible"] & ~(PROTECTION | COMBINED | SNAPSHOTS)
    header["newer"] = header["version"] != 1 or unknown != 0 or header["role"] not in (1, 2)
    # What belongs to this slot and not to what the header says: magic, own offset, checksum.
    header["content"] = slot[8:16] + slot[24:32] + slot[36:FIELDS_BYTES]
    if header["newer"]:
        header["why"] = "it needs a newer reader: version %(version)d, incompatible features %(incompatible)08Xh, role %(role)d" % header
        return header
    text = slot[FIELDS_BYTES:FIELDS_BYTES + header["attributes_length"]]
    if header["attributes_length"] > SLOT_BYTES - FIELDS_BYTES or zlib.crc32(text) != header["attributes_crc"]:
        return "wrong checksum or length of the attributes"
    try:
        header["attributes"] = json.loads(text.decode("utf-8"))
    except ValueError:
        return "its attributes are not JSON"
    if not isinstance(header["attributes"], dict) or header["region_count"] > 16:
        return "its attributes are no object, or its regions too many"
    header["regions"] = [REGION.unpack_from(slot, 1024 + 32 * index) for index in range(header["region_count"])]
    return header

def header_in_force(file):
    """Of the headers that check out, the one with the higher sequence number; and its letter."""
    slots = {letter: read_slot(file, letter) for letter in SLOTS}
    good = [letter for letter in SLOTS if isinstance(slots[letter], dict)]
    if not good:
        raise Damaged("neither header checks out: A has a %(A)s, B a %(B)s" % slots)
    if len(good) == 2 and slots["A"]["sequence"] == slots["B"]["sequence"]:
        if slots["A"]["content"] != slots["B"]["content"]:
            raise Damaged("both headers have the same sequence number, and different content")
    letter = max(good, key=lambda each: slots[each]["sequence"])
    if slots[letter]["newer"]:
        raise Newer(slots[letter]["why"])
    return letter, slots[letter]

def check_geometry(header, file_bytes):
    """Raises Damaged when the disk cannot be where the header says."""
    capacity, start, block = header["capacity"], header["data_offset"], header["block_size"]
    if block not in (512, 4096) or capacity == 0 or capacity % block != 0 or start < MIB or start % MIB != 0:
        raise Damaged("capacity %d, data offset %d, block size %d" % (capacity, start, block))
    end = start + (0 if header["incompatible"] & COMBINED else capacity)
    if file_bytes < end:
        raise Damaged("the file is cut short by %d bytes" % (end - file_bytes))

def describe(letter, header, birth_identity):
    """What the file says of itself."""
    return {
        "headerInForce": letter, "sequence": header["sequence"], "clean": header["open_state"] == 1,
        "identity": str(uuid.UUID(bytes=header["identity"])), "birthIdentity": str(uuid.UUID(bytes=birth_identity)),
        "origin": str(uuid.UUID(bytes=header["origin"])) if any(header["origin"]) else None,
        "generation": str(uuid.UUID(bytes=header["generation"])),
        "capacityBytes": header["capacity"], "dataOffset": header["data_offset"], "blockSize": header["block_size"],
        "features": {name: header[name] for name in ("incompatible", "compatible", "autoclear")},
        "writtenBy": {"host": header["host"].rstrip(b"\0").decode("utf-8", "replace"), "pid": header["pid"]},
        "regions": [{"type": kind, "name": REGION_NAMES.get(kind), "flags": flags, "offset": at, "lengthBytes": size}
                    for kind, flags, at, size in header["regions"]],
        "attributes": header["attributes"],
    }

def runs_of_data(file, start, end):
    """The parts between two offsets that are stored; everything, where the file system knows of no holes."""
    while start < end:
        try:
            start = os.lseek(file.fileno(), start, os.SEEK_DATA)
            hole = min(end, os.lseek(file.fileno(), start, os.SEEK_HOLE))
        except OSError as error:
            hole = end
            if error.errno == errno.ENXIO:
                return
        if start < end:
            yield start, hole
        start = hole

def copy_disk(file, header, path):
    """Writes the disk alone, as a raw image, holes as holes."""
    start, end = header["data_offset"], header["data_offset"] + header["capacity"]
    with open(path, "xb") as image:
        image.truncate(header["capacity"])
        for at, until in runs_of_data(file, start, end):
            for offset in range(at, until, MIB):
                file.seek(offset)
                image.seek(offset - start)
                image.write(file.read(min(MIB, until - offset)))

def main():
    parser = argparse.ArgumentParser(description="Reads a Lunbox container.")
    parser.add_argument("container")
    parser.add_argument("--raw", metavar="FILE", help="copy the disk to this new file, as a raw image")
    wanted = parser.parse_args()
    with open(wanted.container, "rb", buffering=0) as file:
        block = file.read(FIELDS_BYTES).ljust(FIELDS_BYTES, b"\0")
        if block[:8] != b"LUNBOX\x1a\n":
            raise Damaged("it is no container")
        if struct.unpack_from(">I", block, 16)[0] != checksum(block, 16):
            raise Damaged("its first block is damaged")
        letter, header = header_in_force(file)
        check_geometry(header, file.seek(0, os.SEEK_END))
        if wanted.raw and header["incompatible"] & COMBINED:
            raise Newer("the disk is put together from the parts in its layout; this reader copies those")
        print(json.dumps(describe(letter, header, block[24:40]), indent=2))
        if wanted.raw:
            copy_disk(file, header, wanted.raw)

try:
    main()
except (Damaged, Newer, OSError) as reason:
    print("cannot be read: %s" % reason, file=sys.stderr)
    sys.exit(2 if isinstance(reason, Newer) else 1)
