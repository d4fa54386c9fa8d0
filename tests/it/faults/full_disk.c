/* A disk that is full while the file named by FULL_DISK exists: tables and indexes cannot grow, what is there can be written. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_full(int fd, long long offset) {
    const char *flag = getenv("FULL_DISK");
    char link[64], path[4096];
    struct stat file;
    ssize_t length;
    if (!flag || access(flag, F_OK)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/base/") && !fstat(fd, &file) && offset >= file.st_size;
}

#define WRITING(name, result, list, arguments) \
    result name list { \
        result (*real) list = (result (*) list) dlsym(RTLD_NEXT, #name); \
        if (is_full(fd, offset)) { errno = ENOSPC; return -1; } \
        return real arguments; \
    }
WRITING(pwrite, ssize_t, (int fd, const void *bytes, size_t count, off_t offset), (fd, bytes, count, offset))
WRITING(pwrite64, ssize_t, (int fd, const void *bytes, size_t count, off64_t offset), (fd, bytes, count, offset))
WRITING(pwritev, ssize_t, (int fd, const struct iovec *parts, int count, off_t offset), (fd, parts, count, offset))
WRITING(pwritev64, ssize_t, (int fd, const struct iovec *parts, int count, off64_t offset), (fd, parts, count, offset))

#define RESERVING(name, type) \
    int name(int fd, type offset, type length) { \
        int (*real)(int, type, type) = (int (*)(int, type, type)) dlsym(RTLD_NEXT, #name); \
        return is_full(fd, offset) ? ENOSPC : real(fd, offset, length); \
    }
RESERVING(posix_fallocate, off_t)
RESERVING(posix_fallocate64, off64_t)
