/* Preloaded into a process, it writes down what the process has made durable: for each fsync or
 * fdatasync of a file its inode and the size that it had when the call began, and each rename, with
 * a second name for what the rename replaced. power_cut.py cuts the files to that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ledger = -1;
static const char *directory;
static atomic_uint replaced;

__attribute__((constructor)) static void begin(void)
{
    char path[PATH_MAX];
    directory = getenv("POWER_CUT_DIRECTORY");
    if (directory && snprintf(path, sizeof path, "%s/ledger", directory) < (int)sizeof path)
        ledger = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* One write to a file opened for appending: lines of threads and processes do not mix. */
static void note(const char *line, int length)
{
    int before = errno;
    if (ledger >= 0 && write(ledger, line, length) != length)
        abort(); /* better no broker than one that seems to have synced less */
    errno = before;
}

static int sync_and_note(long call, int fd)
{
    char line[64];
    struct stat found;
    int is_known = fstat(fd, &found) == 0; /* before: what is added meanwhile may be not durable */
    int answer = (int)syscall(call, fd);
    if (answer == 0 && is_known)
        note(line, snprintf(line, sizeof line, "S\t%llu\t%lld\n",
                            (unsigned long long)found.st_ino, (long long)found.st_size));
    return answer;
}

int fsync(int fd) { return sync_and_note(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_and_note(SYS_fdatasync, fd); }

int rename(const char *from, const char *to)
{
    char kept[PATH_MAX], old[PATH_MAX] = "", new[PATH_MAX] = "", line[3 * PATH_MAX + 8];
    if (ledger < 0)
        return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    snprintf(kept, sizeof kept, "%s/%d.%u", directory, getpid(), atomic_fetch_add(&replaced, 1));
    if (link(to, kept) != 0)
        kept[0] = '\0'; /* nothing is replaced */
    char *is_known = realpath(from, old);
    int answer = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (answer == 0 && is_known && realpath(to, new))
        note(line, snprintf(line, sizeof line, "R\t%s\t%s\t%s\n", old, new, kept));
    return answer;
}
