#!/usr/bin/env python3
"""Runs a command inside a cluster's namespaces as if it had been started here.

  enter.py PID COMMAND [ARGUMENT ...]

PID is the first process of the namespaces. The command gets our environment, folder and terminal; signals sent to us reach it,
its exit status is ours, and it dies with us even when we are killed with SIGKILL. `nsenter` does none of the last three.
"""
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
FORWARDED = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH]


def main():
    pid, command = sys.argv[1], sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    folder = os.getcwd()
    # All descriptors first: after entering the mount namespace, /proc shows other process ids.
    namespaces = [os.open(f'/proc/{pid}/ns/{kind}', os.O_RDONLY) for kind in ('pid', 'net', 'mnt')]
    for namespace in namespaces:
        if libc.setns(namespace, 0) != 0:
            sys.exit(f'cluster: cannot enter the namespaces of process {pid}: {os.strerror(ctypes.get_errno())}')
        os.close(namespace)
    os.chdir(folder)
    # Blocked until there is a child to forward to.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    child = os.fork()  # the child is the first of us to be in the process namespace
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and programs inherit that
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(f'cluster: {command[0]}: {error.strerror}', file=sys.stderr)
            os._exit(127)
    # A terminal sends Ctrl-C to the child as well; twice does no harm.
    for number in FORWARDED:
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    status = os.waitpid(child, 0)[1]
    sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


if __name__ == '__main__':
    main()
