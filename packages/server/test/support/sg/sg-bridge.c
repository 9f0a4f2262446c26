/*
 * Preloaded into a program of sg3-utils: its SG_IO requests go to the socket in LUNBOX_SG_SOCKET instead of a device,
 * one connection each. Numbers are 32 bits, little endian: CDB length, direction (1 to the device, 2 from it), data
 * length; then CDB and data. The answer: status, sense length, data length; then sense and data.
 */
#include <errno.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CHECK_CONDITION = 2, DRIVER_SENSE = 8, SG_VERSION = 30536 };

static int transfer(int fd, void *buffer, size_t length, int sending) {
  for (char *at = buffer; length > 0;) {
    ssize_t moved = sending ? write(fd, at, length) : read(fd, at, length);
    if (moved <= 0) return -1;
    at += moved;
    length -= (size_t)moved;
  }
  return 0;
}

static int dial(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("LUNBOX_SG_SOCKET");
  if (path == NULL || strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static int ask(int fd, struct sg_io_hdr *io) {
  int out = io->dxfer_direction == SG_DXFER_TO_DEV;
  int in = io->dxfer_direction == SG_DXFER_FROM_DEV || io->dxfer_direction == SG_DXFER_TO_FROM_DEV;
  uint32_t request[3] = {io->cmd_len, out ? 1 : in ? 2 : 0, out || in ? io->dxfer_len : 0};
  uint32_t answer[3];
  uint8_t sense[256];
  if (transfer(fd, request, sizeof request, 1) || transfer(fd, io->cmdp, io->cmd_len, 1)) return -1;
  if (out && transfer(fd, io->dxferp, io->dxfer_len, 1)) return -1;
  if (transfer(fd, answer, sizeof answer, 0) || answer[1] > sizeof sense) return -1;
  if (transfer(fd, sense, answer[1], 0) || answer[2] > io->dxfer_len) return -1;
  if (transfer(fd, io->dxferp, answer[2], 0)) return -1;
  io->status = (unsigned char)answer[0];
  io->masked_status = io->status >> 1;
  io->sb_len_wr = answer[1] < io->mx_sb_len ? (unsigned char)answer[1] : io->mx_sb_len;
  if (io->sb_len_wr > 0) memcpy(io->sbp, sense, io->sb_len_wr);
  io->driver_status = io->status == CHECK_CONDITION ? DRIVER_SENSE : 0;
  io->host_status = 0;
  io->resid = in ? (int)(io->dxfer_len - answer[2]) : 0;
  io->info = io->status == 0 ? SG_INFO_OK : SG_INFO_CHECK;
  return 0;
}

int ioctl(int fd, unsigned long request, ...) {
  (void)fd;
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (request == SG_GET_VERSION_NUM) {
    *(int *)argument = SG_VERSION;
    return 0;
  }
  if (request != SG_IO) {
    errno = ENOTTY;
    return -1;
  }
  int connection = dial();
  int failed = connection < 0 || ask(connection, argument) != 0;
  if (connection >= 0) close(connection);
  if (failed) errno = EIO;
  return failed ? -1 : 0;
}
