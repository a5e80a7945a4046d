"""A filter of system calls for a process that computes over files it may see, and needs nothing else of the kernel.

What is denied gets an error and no signal, so that a library that only tries can do without: ``EPERM``, and ``ENOSYS`` for
``clone3`` and ``openat2`` (their flags lie in memory, where no filter sees them; the C library then uses ``clone`` and
``openat``) and for every call that is newer than this list. It holds for all threads, cannot be taken off, and needs no rights
(``no_new_privs`` must be set).
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from .linux import call, machine

_NEWEST: Final = 450  # numbers above 423 are the same for all machines

# Each group: name, number on x86_64, number on aarch64 ("-": there is none).
_DENIED: Final = """
# No network, also over a socket that was inherited.
socket 41 198  socketpair 53 199  connect 42 203  bind 49 200  listen 50 201  accept 43 202  accept4 288 242
sendto 44 206  sendmsg 46 211  sendmmsg 307 269  recvfrom 45 207  recvmsg 47 212  recvmmsg 299 243  shutdown 48 210
getsockname 51 204  getpeername 52 205  setsockopt 54 208  getsockopt 55 209
# No other program, also not one that lies in memory.
execve 59 221  execveat 322 281  uselib 134 -  memfd_create 319 279  memfd_secret 447 447
# No other process, made or met. (clone is asked for CLONE_THREAD, kill and tgkill for their target.)
fork 57 -  vfork 58 -  unshare 272 97  setns 308 268  ptrace 101 117  process_vm_readv 310 270  process_vm_writev 311 271
process_madvise 440 440  process_mrelease 448 448  pidfd_open 434 434  pidfd_getfd 438 438  pidfd_send_signal 424 424
tkill 200 130  rt_sigqueueinfo 129 138  rt_tgsigqueueinfo 297 240  kcmp 312 272  migrate_pages 256 238  move_pages 279 239
setpriority 141 140  ioprio_set 251 30  sched_setaffinity 203 122  sched_setparam 142 118  sched_setscheduler 144 119
sched_setattr 314 274
# No other view of the files, and nothing that Landlock does not judge.
mount 165 40  umount2 166 39  pivot_root 155 41  chroot 161 51  open_tree 428 428  move_mount 429 429  fsopen 430 430
fsconfig 431 431  fsmount 432 432  fspick 433 433  mount_setattr 442 442  swapon 167 224  swapoff 168 225  quotactl 179 60
quotactl_fd 443 443  acct 163 89  chmod 90 -  fchmod 91 52  fchmodat 268 53  chown 92 -  lchown 94 -  fchown 93 55
fchownat 260 54  utime 132 -  utimes 235 -  futimesat 261 -  utimensat 280 88  setxattr 188 5  lsetxattr 189 6
fsetxattr 190 7  removexattr 197 14  lremovexattr 198 15  fremovexattr 199 16  name_to_handle_at 303 264
open_by_handle_at 304 265  mknod 133 -  mknodat 259 33  fanotify_init 300 262
# Nothing that outlives the process.
shmget 29 194  shmat 30 196  shmctl 31 195  msgget 68 186  msgsnd 69 189  msgrcv 70 188  msgctl 71 187  semget 64 190
semop 65 193  semtimedop 220 192  semctl 66 191  mq_open 240 180  mq_unlink 241 181
# Nothing whose memory is the kernel's, counts against other processes of the same user, or stops the whole machine.
inotify_init 253 -  inotify_init1 294 26  epoll_create 213 -  epoll_create1 291 20  eventfd 284 -  eventfd2 290 19
signalfd 282 -  signalfd4 289 74  timerfd_create 283 85  timer_create 222 107  pipe 22 -  pipe2 293 59  mlock 149 228
mlock2 325 284  mlockall 151 230  landlock_create_ruleset 444 444  landlock_add_rule 445 445  landlock_restrict_self 446 446
sync 162 81  syncfs 306 267  inotify_add_watch 254 27  fanotify_mark 301 263
# None of the wide doors into the kernel, no pages of files in pipes, and nothing of the machine as a whole.
splice 275 76  tee 276 77  vmsplice 278 75
bpf 321 280  perf_event_open 298 241  userfaultfd 323 282  io_uring_setup 425 425  io_uring_enter 426 426
io_uring_register 427 427  io_setup 206 0  add_key 248 217  request_key 249 218  keyctl 250 219  kexec_load 246 104
kexec_file_load 320 294  init_module 175 105  finit_module 313 273  delete_module 176 106  reboot 169 142  syslog 103 116
personality 135 92  iopl 172 -  ioperm 173 -  modify_ldt 154 -  sethostname 170 161  setdomainname 171 162
settimeofday 164 170  clock_settime 227 112  adjtimex 159 171  clock_adjtime 305 266  vhangup 153 58  lookup_dcookie 212 18
"""
# What makes, removes or cuts off files: of a process that has no directory to work in.
_CHANGING_FILES: Final = """
creat 85 -  mkdir 83 -  mkdirat 258 34  rmdir 84 -  link 86 -  linkat 265 37  symlink 88 -  symlinkat 266 36  rename 82 -
renameat 264 38  renameat2 316 276  unlink 87 -  unlinkat 263 35  truncate 76 45  ftruncate 77 46  fallocate 285 47
"""
_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2)}
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_IN_MEMORY: Final = (435, 437)  # clone3, openat2
_OPEN: Final = {"x86_64": ((2, 1), (257, 2)), "aarch64": ((56, 2),)}  # open, openat: which argument the flags are
_KILL: Final = {"x86_64": (62, 234), "aarch64": (129, 131)}  # kill, tgkill: the target is the first argument
_PRLIMIT64: Final = {"x86_64": 302, "aarch64": 261}
_IOCTL: Final = {"x86_64": 16, "aarch64": 29}
_FCNTL: Final = {"x86_64": 72, "aarch64": 25}
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}

_CLONE_THREAD: Final = 0x10000
_OF_OTHERS: Final = (0x5412, 0x541C, 0x8901, 0x8902)
# TIOCSTI, TIOCLINUX: type into somebody's terminal; FIOSETOWN, SIOCSPGRP: have a socket's signals sent to another process
_OF_DESCRIPTORS: Final = (8, 10, 15, 1024, 1026, 1031)
# F_SETOWN, F_SETSIG, F_SETOWN_EX: the same for any file, and which signal; F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ: kernel memory
_CREATE: Final = 0x40
_NAMELESS: Final = 0x400000  # of O_TMPFILE: a file that nobody sees who looks at the directory

_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_GREATER: Final = 0x25
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_SET_FILTER: Final = 1
_GET_ACTION_AVAIL: Final = 2
_ALL_THREADS: Final = 1

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""

_VERDICTS: Final[tuple[Instruction, ...]] = (
    (_RETURN, 0, 0, _ERROR | errno.EPERM),
    (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    (_RETURN, 0, 0, _ALLOW),
)


def denied(kind: str, *, files: bool = True) -> dict[str, int]:
    """The calls that are denied whatever their arguments: name → number on that kind of machine. ``files``: see ``program``."""
    listed = _DENIED if files else _DENIED + _CHANGING_FILES
    words = " ".join(line for line in listed.splitlines() if not line.startswith("#")).split()
    column = _ARCHITECTURES[kind][1]
    return {words[at]: int(words[at + column]) for at in range(0, len(words), 3) if words[at + column] != "-"}


def program(kind: str, pid: int, *, files: bool = True) -> list[Instruction]:
    """The filter for the process ``pid`` on that kind of machine. ``files``: whether it may make and remove any."""
    eperm, enosys, allow = _VERDICTS

    def first(*values: int, otherwise: Instruction, if_one: Instruction) -> Iterator[Instruction]:
        yield from ((_IF_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values))
        yield otherwise
        yield if_one

    def argument(number: int, place: int, judged: Sequence[Instruction]) -> Iterator[Instruction]:
        """Judge one argument, of which only the lower half is looked at: all of these are that long, or flags below it."""
        yield (_IF_EQUAL, 0, 1 + len(judged), number)
        yield (_LOAD, 0, 0, 16 + 8 * place)
        yield from judged

    made = [*_number(kind), (_IF_GREATER, 0, 1, _NEWEST), enosys]  # the numbers of x32 are above them, too
    for number in denied(kind, files=files).values():
        made += [(_IF_EQUAL, 0, 1, number), eperm]
    for number in _IN_MEMORY:
        made += [(_IF_EQUAL, 0, 1, number), enosys]
    for number, place in _OPEN[kind]:
        flags = _NAMELESS if files else _NAMELESS | _CREATE
        made += argument(number, place, [(_IF_ANY_BIT, 0, 1, flags), eperm, allow])
    made += argument(_CLONE[kind], 0, [(_IF_ANY_BIT, 0, 1, _CLONE_THREAD), allow, eperm])
    for number in _KILL[kind]:
        made += argument(number, 0, list(first(pid, otherwise=eperm, if_one=allow)))
    made += argument(_PRLIMIT64[kind], 0, list(first(0, pid, otherwise=eperm, if_one=allow)))
    made += argument(_IOCTL[kind], 1, list(first(*_OF_OTHERS, otherwise=allow, if_one=eperm)))
    made += argument(_FCNTL[kind], 1, list(first(*_OF_DESCRIPTORS, otherwise=allow, if_one=eperm)))
    return [*made, allow]


def program_against_threads(kind: str) -> list[Instruction]:
    """A further filter: no thread can be started any more."""
    eperm, _, allow = _VERDICTS
    return [*_number(kind), (_IF_EQUAL, 0, 1, _CLONE[kind]), eperm, allow]


def _number(kind: str) -> list[Instruction]:
    """Load the number of the call, if it is one of this kind of machine."""
    eperm, _, _ = _VERDICTS
    return [(_LOAD, 0, 0, 4), (_IF_EQUAL, 1, 0, _ARCHITECTURES[kind][0]), eperm, (_LOAD, 0, 0, 0)]


def supported() -> bool:
    """Whether this system filters system calls, and this module knows its numbers."""
    kind = machine()
    if kind not in _ARCHITECTURES:
        return False
    try:
        call(_SECCOMP[kind], _GET_ACTION_AVAIL, 0, ctypes.byref(ctypes.c_uint32(_ERROR)))
    except OSError:
        return False
    return True


def deny(kind: str, program: Sequence[Instruction]) -> None:
    """Put a filter on all threads of this process, beside those that it has. Raises ``OSError``."""
    encoded = b"".join(struct.pack("=HBBI", *each) for each in program)
    instructions = ctypes.create_string_buffer(encoded, len(encoded))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    whole = Program(len(encoded) // 8, ctypes.addressof(instructions))
    if call(_SECCOMP[kind], _SET_FILTER, _ALL_THREADS, ctypes.byref(whole)) != 0:
        raise OSError(errno.EAGAIN, "a thread has a filter of its own")
